// docs/errors.md, from the table of codes.
import { errorCodes } from '../errors.ts';

/** Exit statuses that are no error code: results, and ends by signal. */
const statuses: readonly (readonly [number, string])[] = [
  [0, 'Passed.'],
  [1, 'An expectation failed, or a node died unasked.'],
  [2, 'Bad usage or a bad spec; nothing was started.'],
  [
    3,
    'Infrastructure: a missing capability, a testnet that could not start, a fault that did not ' +
      'bite or leaked, lost contact, a run that is void.',
  ],
  [4, 'The time limit was reached.'],
  [70, 'A bug in Peerstorm.'],
  [130, 'Ended by SIGINT, with everything cleaned up and the report written.'],
  [143, 'Ended by SIGTERM, likewise.'],
];

export function errorsReference(): string {
  const exits = statuses.map(([status, meaning]) => `| ${status} | ${meaning} |`);
  const codes = Object.entries(errorCodes).map(
    ([code, { summary, hint, exit, retry }]) =>
      `| \`${code}\` | ${exit} | ${retry === 'retryable' ? 'yes' : 'no'} | ${summary} | ${hint} |`,
  );
  return `# Exit statuses and errors

<!-- Generated from src/errors.ts by \`npm run generate\`. -->

| status | meaning |
|---|---|
${exits.join('\n')}

When several things went wrong the status is that of the first of: signal, 70, 3, 4, 1.

An error prints its code, what happened, and what to do next. Worth a retry means that the same
command may succeed when it is run again.

| code | status | worth a retry | what happened | what to do |
|---|---|---|---|---|
${codes.join('\n')}

Problems of a spec are not single errors: \`peerstorm validate\` prints all of them, each as
\`file:line:column: error: path: what, got, allowed\` over the line with a caret.
`;
}
