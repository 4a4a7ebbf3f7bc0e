// A command as data: parser, help and docs/cli.md are made from the table of them.
import type { Terminal } from './terminal.ts';

export type Option = {
  /** As commander writes it: `-o, --output <format>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: string;
};

export type Invocation = {
  /** Positional arguments; a variadic one is the last and may be empty. */
  readonly positional: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly terminal: Terminal;
};

export type Command = {
  /** One or two words: `up`, `fault apply`. */
  readonly name: string;
  /** `<spec>` required, `[name]` optional, `[command...]` the rest. */
  readonly positional?: readonly { readonly name: string; readonly description: string }[];
  readonly summary: string;
  readonly options?: readonly Option[];
  readonly examples: readonly string[];
  /** Gives the exit status. */
  readonly run: (invocation: Invocation) => Promise<number>;
};

export const json: Option = { flags: '--json', description: 'print JSON instead of a table' };
/** The same as the option, for commands that are about nothing but a testnet. */
export const testnetArgument = {
  name: '[testnet]',
  description: 'which running testnet; may be left out when there is only one',
};
export const testnetOption: Option = {
  flags: '-n, --testnet <name>',
  description: 'which running testnet; may be left out when there is only one',
};

/** A text option, or undefined. */
export function textOf(invocation: Pick<Invocation, 'options'>, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === 'string' ? value : undefined;
}
