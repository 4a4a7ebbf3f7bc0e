// docs/cli.md, from the table of commands.
import type { Command, Option } from './command.ts';

const introduction = `# Commands

<!-- Generated from src/cli/commands.ts by \`npm run generate\`. -->

In a checkout the command is \`bin/peerstorm\`. Results go to stdout, progress and errors to stderr;
there is colour only on a terminal, and not with \`NO_COLOR\`. Every command has \`--help\`;
\`peerstorm --version\` says the version. Exit statuses are in [errors.md](errors.md), the spec is
in [spec.md](spec.md).`;

const environment: readonly (readonly [string, string])[] = [
  ['PEERSTORM_STATE_DIR', 'where running testnets live; default: `~/.local/state/peerstorm`'],
  ['PEERSTORM_<PROGRAM>', 'the program to run instead of one found on PATH, see [kinds](kinds.md)'],
  ['NO_COLOR', 'no colour'],
];

export function cliReference(commands: readonly Command[]): string {
  const list = commands.map(
    ({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${summary} |`,
  );
  return [
    introduction,
    ['| command | what it does |', '|---|---|', ...list].join('\n'),
    ...commands.map(section),
    ['## Environment', '', ...table(['variable', 'meaning'], environment)].join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function section(command: Command): string {
  const { name, summary, positional = [], options = [], examples } = command;
  const usage = ['peerstorm', name, ...(options.length > 0 ? ['[options]'] : [])];
  const blocks = [
    `## ${name}`,
    `${summary}.`,
    fence('text', [[...usage, ...positional.map((one) => one.name)].join(' ')]),
    table(
      ['argument', 'meaning'],
      positional.map((one) => [one.name, one.description]),
    ).join('\n'),
    table(
      ['option', 'meaning'],
      options.map((option) => [option.flags, meaningOf(option)]),
    ).join('\n'),
    fence(
      'sh',
      examples.map((example) => `$ peerstorm ${example}`),
    ),
  ];
  return blocks.filter((block) => block !== '').join('\n\n');
}

function meaningOf({ description, choices, default: initial }: Option): string {
  const parts = [
    ...(choices ? [`one of ${choices.map(code).join(', ')}`] : []),
    ...(initial === undefined ? [] : [`default ${code(initial)}`]),
  ];
  return parts.length === 0 ? description : `${description}; ${parts.join('; ')}`;
}

/** Nothing without rows. The first column is code. */
function table(
  head: readonly [string, string],
  rows: readonly (readonly [string, string])[],
): readonly string[] {
  if (rows.length === 0) return [];
  const lines = rows.map(([first, second]) => `| ${code(first)} | ${escaped(second)} |`);
  return [`| ${head.join(' | ')} |`, '|---|---|', ...lines];
}

function fence(language: 'sh' | 'text', lines: readonly string[]): string {
  return [`\`\`\`${language}`, ...lines, '```'].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
