// Where a command writes. Results go to stdout, everything else to stderr.

export type Terminal = {
  readonly out: (text: string) => void;
  readonly note: (text: string) => void;
  /** stderr is a terminal that can be redrawn. */
  readonly interactive: boolean;
  /** Of notes (stderr), and of results (stdout). */
  readonly color: boolean;
  readonly outColor: boolean;
  readonly columns: number;
  /** From now on what is written may be read by nobody: the command goes on to its end. */
  readonly outliveReader: () => void;
};

export function processTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  let outlives = false;
  for (const stream of [stdout, stderr]) {
    // Whoever reads may stop reading: `peerstorm plan -o json t.yaml | head -1`.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!outlives) process.exit(0);
    });
  }
  const interactive = stderr.isTTY && env['TERM'] !== 'dumb' && env['CI'] === undefined;
  const wanted = (env['NO_COLOR'] ?? '') === '';
  return {
    out: (text) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    note: (text) => void stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    interactive,
    color: interactive && wanted,
    outColor: stdout.isTTY && env['TERM'] !== 'dumb' && wanted,
    columns: stderr.columns ?? 100,
    outliveReader: () => {
      outlives = true;
    },
  };
}
