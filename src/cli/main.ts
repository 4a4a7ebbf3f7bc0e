// The command line: builds the parser from the table of commands, runs one, and is the only place
// that prints an error or sets the exit status.
import { CommanderError, Option, Command as Parser } from 'commander';
import { messageOf, PeerstormError } from '../errors.ts';
import { nearest } from '../spec/nearest.ts';
import type { Command } from './command.ts';
import { commands, families } from './commands.ts';
import { processTerminal } from './terminal.ts';
import { version } from './version.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  // The sbin folders, where nft and ip are, may be missing from a user's PATH.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  let exit = 0;
  const parser = buildParser((command, positional, options) =>
    command.run({ positional, options, terminal }).then((code) => {
      exit = code;
    }),
  );
  try {
    await parser.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof PeerstormError) {
      terminal.note(`error: ${error.message}\n  ${error.hint}`);
      return error.exit;
    }
    terminal.note(`error: ${messageOf(error)}\n${error instanceof Error ? error.stack : ''}`);
    terminal.note('This is a bug in Peerstorm; please report it with the lines above.');
    return 70;
  }
}

type Run = (
  command: Command,
  positional: readonly string[],
  options: Readonly<Record<string, string | boolean | undefined>>,
) => Promise<void>;

function buildParser(run: Run): Parser {
  const parser = new Parser('peerstorm')
    .description('Spins up peer-to-peer testnets from one YAML file and breaks them on purpose.')
    .version(version, '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('  Run `peerstorm --help`.')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', '\nStart with `peerstorm init`, then `peerstorm test testnet.yaml`.');
  const parents = new Map<string, Parser>();
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    if (second === undefined) {
      addCommand(parser.command(first), command, run);
      continue;
    }
    const parent = parents.get(first) ?? addFamily(parser.command(first), first);
    parents.set(first, parent);
    addCommand(parent.command(second), command, run);
  }
  for (const each of [parser, ...parents.values()]) addHelp(each);
  return parser;
}

/** In the place of commander's, which shows everything where a command is not known. */
function addHelp(parser: Parser): void {
  parser
    .helpCommand(false)
    .command('help')
    .argument('[command...]')
    .description('display help for command')
    .action((words: string[]) => helpOn(parser, words));
}

function helpOn(parser: Parser, words: readonly string[]): never {
  let found = parser;
  for (const word of words) {
    const next = found.commands.find((command) => command.name() === word);
    if (next === undefined) return unknownCommand(found, word);
    found = next;
  }
  return found.help();
}

function unknownCommand(parser: Parser, word: string): never {
  const names = parser.commands.map((command) => command.name());
  const meant = nearest(word, names);
  const words = meant === undefined ? '' : `\n(Did you mean ${meant}?)`;
  return parser.error(`error: unknown command '${word}'${words}`);
}

/** What `fault` is to `fault apply`. */
function addFamily(parser: Parser, name: string): Parser {
  const members = commands.filter((command) => command.name.startsWith(`${name} `));
  addExamples(
    parser,
    members.flatMap(({ examples }) => examples),
  );
  return parser
    .description(families[name] ?? '')
    .showHelpAfterError(`  Run \`peerstorm ${name} --help\`.`);
}

function addCommand(parser: Parser, command: Command, run: Run): void {
  parser
    .description(command.summary)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`  Run \`peerstorm ${command.name} --help\`.`);
  for (const { name, description } of command.positional ?? []) parser.argument(name, description);
  for (const { flags, description, choices, default: initial } of command.options ?? []) {
    const option = new Option(flags, description);
    if (choices) option.choices(choices);
    if (initial !== undefined) option.default(initial);
    parser.addOption(option);
  }
  addExamples(parser, command.examples);
  parser.action(async (...parts: unknown[]) => {
    const positional = parts
      .slice(0, -2)
      .flat()
      .filter((part) => part !== undefined) as string[];
    await run(command, positional, parser.opts());
  });
}

function addExamples(parser: Parser, examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ peerstorm ${example}`);
  parser.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
