import { defineConfig } from 'vitest/config';

const tier = (name: string, include: string[], extra = {}) => ({
  test: { name, include, ...extra },
});
const slow = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  fileParallelism: false,
  maxConcurrency: 2,
};

export default defineConfig({
  test: {
    // A value that differs is shown whole: nobody can look again at a machine of CI.
    chaiConfig: { truncateThreshold: 0 },
    projects: [
      tier(
        'unit',
        ['src/**/*.test.ts', 'node-image/**/*.test.ts', 'page/**/*.test.ts', 'test/*.test.ts'],
        { testTimeout: 30_000 },
      ),
      tier('compliance', ['test/compliance/**/*.test.ts'], slow),
      tier('kernel', ['test/kernel/**/*.test.ts'], slow),
      tier('node', ['test/node/**/*.test.ts'], slow),
      tier('examples', ['test/examples/**/*.test.ts'], slow),
      tier('crash', ['test/crash/**/*.test.ts'], slow),
      tier('netem', ['test/netem/**/*.test.ts'], slow),
      tier('cluster', ['test/cluster/**/*.test.ts'], {
        ...slow,
        // Pods are waited for more than they work.
        maxConcurrency: 4,
        globalSetup: 'test/cluster/setup.ts',
      }),
      tier('page', ['test/page/**/*.test.ts'], slow),
      tier('prometheus', ['test/prometheus/**/*.test.ts'], slow),
      tier('package', ['test/package/**/*.test.ts'], slow),
    ],
  },
});
