// Follow a running testnet from another terminal and on a page of its own; or see a finished run
// again.
import { once } from 'node:events';
import { fail } from '../../errors.ts';
import { servePage } from '../../web/server.ts';
import {
  type Command,
  type Invocation,
  testnetArgument,
  testnetOption,
  textOf,
} from '../command.ts';
import { buildsPage, openPage, type PageRequest, pageRequest, webOptions } from '../page.ts';
import { findPage } from '../page-bundle.ts';
import { finishedRun } from '../replay.ts';
import { testnetsOf, whereOptions } from '../runtime-options.ts';
import { askedTestnet, selectTestnet } from '../select-testnet.ts';
import { openView } from '../view/view.ts';

export const watch: Command = {
  name: 'watch',
  positional: [testnetArgument],
  summary: 'Follow a running testnet, or see a finished run again',
  options: [
    testnetOption,
    ...webOptions,
    { flags: '--no-web', description: 'no page (on a terminal there is one by default)' },
    { flags: '--replay <directory>', description: 'a page with the run of this report directory' },
    { flags: '--json', description: 'one JSON document per line' },
    ...whereOptions,
  ],
  examples: [
    'watch',
    'watch split-and-heal --json',
    'watch --web-control',
    'watch --replay peerstorm-reports/split-and-heal-20260101T120000',
  ],
  run: async (invocation) => {
    const directory = textOf(invocation, 'replay');
    return directory === undefined ? await follow(invocation) : await replay(directory, invocation);
  },
};

async function follow(invocation: Invocation): Promise<number> {
  const { terminal, options } = invocation;
  const asJson = options['json'] === true;
  const always = terminal.interactive && !asJson;
  const request = pageRequest(invocation, { always });
  const testnets = await testnetsOf(invocation);
  const name = await selectTestnet(testnets, askedTestnet(invocation));
  const session = testnets.open(name);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const view = asJson ? undefined : openView({ terminal, quiet: false });
  try {
    const onBuild = () => terminal.note(buildsPage);
    await using page = request && (await openPage(session, { ...request, testnet: name, onBuild }));
    if (page !== undefined) {
      if (view) view.pin(`page: ${page.url}`);
      else terminal.note(`page: ${page.url}`);
    }
    for await (const item of session.watch(stop.signal)) {
      if (view) view.show(item);
      else terminal.out(JSON.stringify(item));
    }
  } finally {
    view?.close();
  }
  return 0;
}

/** Until it is interrupted. */
async function replay(directory: string, invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  if (askedTestnet(invocation) !== undefined)
    throw fail('USAGE', 'give a testnet or --replay, not both');
  const { port }: Pick<PageRequest, 'port'> = pageRequest(invocation, { always: true }) ?? {
    port: 0,
  };
  const source = await finishedRun(directory);
  const folder = await findPage(() => terminal.note(buildsPage));
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await using page = await servePage(source, { folder, port });
  terminal.out(`page: ${page.url}`);
  terminal.note('Ctrl-C ends it');
  await stopped;
  return 0;
}
