import { expect, test } from 'vitest';
import { runCase } from '../../test/compliance/harness.ts';
import { fourMiners, specOf } from '../../test/compliance/spec.ts';
import { history, plan, report } from '../../test/fixtures/made-up-run.ts';
import { recordingOf } from './replay.ts';
import type { PageState } from './state.ts';
import { playedTo } from './tape.ts';

test('a replay shows each sample, and ends as the report does', async () => {
  const run = await runCase('memory', {
    spec: specOf({
      groups: fourMiners,
      faults: `
        - { name: cut, at: 3s, for: 5s, partition: { sides: [{ group: boot }] } }`,
      expect: `
        - { name: cut off, during: cut, metric: components, is: "== 2" }
        - { name: whole again, after: cut, within: 20s, metric: components, is: "== 1" }`,
    }),
  });
  const { base, frames, events } = recordingOf(run);
  const states = frames.map((_, index) => playedTo(base, frames.slice(0, index + 1)));
  expect(states.map(({ elapsed, metrics }) => ({ elapsed, metrics }))).toEqual(
    run.history.map(({ t, network }) => ({ elapsed: t, metrics: network })),
  );
  const at = (seconds: number) => states.find(({ elapsed = 0 }) => elapsed >= seconds);
  expect(at(1)?.faults['cut']?.state).toBe('planned');
  expect(at(5)?.faults['cut']?.state).toBe('active');
  expect(at(1)?.expectations['cut off']?.status).toBe('pending');
  expect(Object.keys(at(1)?.edges ?? {})).toHaveLength(6);
  expect(Object.keys(at(5)?.edges ?? {})).toHaveLength(3);
  const last: PageState | undefined = states.at(-1);
  expect(last).toMatchObject({ phase: 'ended', exitCode: 0, problems: [] });
  expect(last?.faults['cut']).toMatchObject({ state: 'over', proof: 'proved' });
  expect(Object.values(last?.expectations ?? {}).map(({ status }) => status)).toEqual([
    'passed',
    'passed',
  ]);
  const told = [...events, ...frames.flatMap((frame) => frame.events ?? [])];
  expect(told.map(({ message }) => message)).toEqual(run.timeline.map(({ message }) => message));
});

test('a replay names attackers and victims, and fails where the report fails', () => {
  const { base, frames } = recordingOf({ report, plan, history, timeline: [] });
  const last = playedTo(base, frames);
  expect(last.faults['eclipse']).toMatchObject({
    attackers: ['evil-0', 'evil-1', 'evil-2'],
    victims: ['full-3'],
  });
  expect(last.exitCode).toBe(report.exitCode);
  expect(Object.keys(last.nodes)).toEqual(plan.nodes.map(({ name }) => name));
});
