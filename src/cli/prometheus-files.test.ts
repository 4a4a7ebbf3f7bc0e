import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { writePrometheusFiles } from './prometheus-files.ts';

test('the files know where the run is, and only what it has', async () => {
  const home = await mkdtemp(join(tmpdir(), 'peerstorm-files-'));
  try {
    const folder = await writePrometheusFiles(home, 'http://127.0.0.1:9464/metrics');
    const read = async (name: string) => parse(await readFile(join(folder, name), 'utf8'));
    expect(await read('prometheus.yml')).toMatchObject({
      rule_files: ['rules.yaml'],
      scrape_configs: [{ static_configs: [{ targets: ['127.0.0.1:9464'] }] }],
    });
    const rules = JSON.stringify(await read('rules.yaml'));
    expect(rules).toContain('PeerstormFaultStuck');
    expect(rules).not.toContain('PeerstormAgentDown');
    expect(await readdir(join(folder, 'dashboards'))).toContain('network.json');
    // What the compose file mounts is there.
    const compose = await readFile(join(folder, 'compose.yaml'), 'utf8');
    const mounted = [...compose.matchAll(/- \.\/([\w.-]+):/g)].map(([, name]) => name);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(mounted));
    expect(mounted).toHaveLength(5);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
