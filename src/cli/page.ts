// The page of a run: how the options of commands ask for it, and how it is served.
import { fail } from '../errors.ts';
import type { Session } from '../session/session.ts';
import { followSession } from '../web/live.ts';
import { type PageServer, servePage } from '../web/server.ts';
import type { Invocation, Option } from './command.ts';
import { findPage } from './page-bundle.ts';

export type PageRequest = {
  /** 0: any free one. */
  readonly port: number;
  /** May faults be applied from it? */
  readonly control: boolean;
};

export const webOptions: readonly Option[] = [
  {
    flags: '--web [port]',
    description: 'serve a page with the live network on localhost (default: a free port)',
  },
  { flags: '--web-control', description: 'the same, and let it apply and clear faults' },
];

/** `always`: the page is served unless `--no-web` says otherwise. */
export function pageRequest(
  { options }: Pick<Invocation, 'options'>,
  { always }: { readonly always: boolean },
): PageRequest | undefined {
  const { web, webControl } = options;
  const control = webControl === true;
  if (web === false || (web === undefined && !control && !always)) return undefined;
  const port = typeof web === 'string' ? Number(web) : 0;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw fail(
      'USAGE',
      `--web must be a port, got "${String(web)}"; give what it is about before it`,
    );
  }
  return { port, control };
}

export const buildsPage = 'building the page (once) ...';

/** Until it is disposed of; pages that are open see the end. */
export async function openPage(
  session: Session,
  request: PageRequest & { readonly testnet: string; readonly onBuild: () => void },
): Promise<PageServer> {
  const { port, control, testnet, onBuild } = request;
  const folder = await findPage(onBuild);
  const stop = new AbortController();
  const source = followSession(session, { testnet, control }, stop.signal);
  const server = await servePage(source, { folder, port }).catch((error: unknown) => {
    stop.abort();
    throw error;
  });
  return {
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await source.done;
      await server[Symbol.asyncDispose]();
    },
  };
}
