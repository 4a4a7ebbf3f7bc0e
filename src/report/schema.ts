// The shape of report.json, from which docs/report.schema.json is generated. It must say the same
// as the types in result.ts and parts.ts; a test holds them together. Objects are open: later
// versions may add fields, and whoever reads the file ignores what it does not know.
import { z } from 'zod';

const seconds = z.number().describe('Seconds from time 0, when all nodes were ready.');
const count = z.int().min(0);
const numbers = z.record(z.string(), z.number());

const validity = z.object({
  guard: z.string().describe('What was watched.'),
  limit: z.number(),
  worst: z.number(),
  at: seconds.optional(),
  result: z.enum(['ok', 'warned', 'void']).describe('void: the run says nothing about the nodes.'),
});

const expectation = z.object({
  name: z.string(),
  status: z.enum(['passed', 'failed', 'error']),
  at: seconds.optional(),
  reason: z.string().describe('What was claimed, what was seen.'),
  evidence: z
    .array(z.tuple([z.number(), z.number()]))
    .max(120)
    .describe('The samples that decided it: [seconds from time 0, value].'),
});

const fault = z.object({
  name: z.string(),
  kind: z.string(),
  planned: z.object({ start: seconds, end: seconds.optional() }),
  actual: z.object({ start: seconds.optional(), end: seconds.optional() }),
  spreadSeconds: z.number().describe('Between the first and the last host that enforced it.'),
  pairsProbed: count,
  leaks: count.describe('Probes that crossed although they were to be dropped. Must be 0.'),
  asked: numbers.describe('What the spec asks for: loss, delayMs, ...'),
  measured: numbers.describe('What was measured, by the same names.'),
  packets: z.object({
    matched: count.describe('Of nodes and probes, that the fault applied to.'),
    dropped: count,
    probes: count,
  }),
  proved: z.boolean(),
  notes: z.array(z.string()),
});

const node = z.object({
  name: z.string(),
  group: z.string(),
  kind: z.string(),
  region: z.string(),
  address: z.string(),
  state: z.string(),
  restarts: count,
  log: z.string().describe('Path inside the report directory.'),
});

export const reportSchema = z
  .object({
    schemaVersion: z.literal(1),
    testnet: z.string(),
    runtime: z.string(),
    verdict: z.enum(['passed', 'failed', 'error']),
    exitCode: z.int().min(0).max(255).describe('See docs/errors.md.'),
    problems: z.array(z.string()).describe('Why the run is void or could not go on.'),
    validity: z.array(validity).describe('Was the machine fit to judge?'),
    randomSeed: z.int().min(0),
    planHash: z.string(),
    startedAt: z.iso.datetime(),
    readySeconds: z.number().optional().describe('From the command to time 0, if that came.'),
    durationSeconds: z.number().describe('From the command to the end.'),
    versions: z.record(z.string(), z.string()),
    expectations: z.array(expectation),
    faults: z.array(fault),
    nodes: z.array(node),
  })
  .meta({ title: 'Peerstorm report' })
  .describe('What a run has shown: report.json.');

/** The document docs/report.schema.json. */
export function reportJsonSchema(): object {
  return z.toJSONSchema(reportSchema, { io: 'input' });
}
