// All files of a report directory that are made from evidence, by path; whoever calls writes them.
// timeline.jsonl, samples.jsonl and the logs are written while the run goes on.
import type { Plan } from '../plan/plan.ts';
import { type PageInput, renderHtml } from './html.ts';
import { junitXml } from './junit.ts';
import { openMetrics } from './openmetrics.ts';

export function reportFiles(input: PageInput): Readonly<Record<string, string>> {
  const { report, plan, history } = input;
  return {
    'report.json': json(report),
    'plan.json': json(plan),
    'junit.xml': junitXml(report),
    'metrics.om': openMetrics(report, history),
    'report.html': renderHtml(input),
  };
}

function json(value: PageInput['report'] | Plan): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
