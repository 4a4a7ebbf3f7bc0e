// junit.xml: one test case for the run itself, one for each expectation, one for the proof of each
// fault. `failure` is a claim about the nodes that did not hold; `error` is everything that kept
// the run from judging them. CI systems show the message attribute, so the reason is there.
import library, { type Builder } from 'junit-report-builder';
import { type ObservedFault, wasCancelled } from './parts.ts';
import type { Report } from './result.ts';

// Its types promise a default export, but the module is the builder itself.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
const builder = library as unknown as Builder;

export function junitXml(report: Report): string {
  const document = builder.newBuilder();
  const suite = document
    .testSuite()
    .name(text(`peerstorm ${report.testnet} on ${report.runtime}`))
    .timestamp(new Date(report.startedAt))
    .time(report.durationSeconds);
  const testCase = (area: string, name: string) =>
    suite.testCase().className(`${report.testnet}.${area}`).name(text(name));

  const run = testCase('run', 'the run is valid');
  if (report.verdict === 'error') {
    run.error(text(report.problems.join('\n') || `exit code ${report.exitCode}`), 'error');
  }
  for (const { name, status, reason, at } of report.expectations) {
    const claim = testCase('expectations', name).time(at ?? 0);
    if (status === 'failed') claim.failure(text(reason), 'expectation');
    else if (status === 'error') claim.error(text(reason), 'expectation');
    else claim.standardOutput(text(reason));
  }
  for (const fault of report.faults) {
    const proof = testCase('faults', `${fault.name} is proved`);
    if (fault.proved) proof.standardOutput(text(proofText(fault)));
    else if (wasCancelled(fault)) proof.skipped();
    else proof.error(text(proofText(fault)), 'proof');
  }
  return document.build();
}

function proofText({ kind, leaks, pairsProbed, packets, asked, measured, notes }: ObservedFault) {
  const values = Object.entries(asked).map(
    ([name, value]) => `${name} asked ${value}, measured ${measured[name] ?? 'nothing'}`,
  );
  const counts = `${leaks} leaks over ${pairsProbed} pairs, ${packets.dropped} packets dropped`;
  return [kind, counts, ...values, ...notes].join('; ');
}

/** Without what XML 1.0 cannot hold, even escaped (https://www.w3.org/TR/xml/#charsets). */
function text(value: string): string {
  return value.toWellFormed().replace(/(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu, '�');
}
