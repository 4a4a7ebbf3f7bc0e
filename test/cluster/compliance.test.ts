// The suite that every runtime passes, on Kubernetes: the same specs, the same verdicts.
import { afterAll, beforeAll, describe } from 'vitest';
import { declare } from '../compliance/cases.ts';
import { runCaseOnCluster } from './compliance-run.ts';
import { hasHost, installChart, Storm } from './harness.ts';

// Nodes are made to crash from the host.
const available = hasHost('test/cluster/compliance.test.ts');

describe.runIf(available)('compliance', () => {
  let storm: Storm;
  beforeAll(async () => {
    await installChart();
    storm = await Storm.create('compliance');
  }, 200_000);
  afterAll(async () => await storm[Symbol.asyncDispose](), 120_000);

  declare('kubernetes', 4, (wanted) => runCaseOnCluster(storm, wanted));
});
