import { describe, expect, test } from 'vitest';
import { runCase } from '../../test/compliance/harness.ts';
import { specOf, untilElapsed } from '../../test/compliance/spec.ts';
import { followSession, type LiveSource } from './live.ts';
import type { Message } from './source.ts';
import { type PageState, pageState, type Recording } from './state.ts';
import { playedTo } from './tape.ts';

const network = {
  faults: `
    - { name: cut, at: 2s, for: 4s, partition: { sides: [{ group: boot }] } }`,
  expect: `
    - { name: whole again, after: cut, within: 20s, metric: components, is: "== 1" }`,
};

/** As a page that listens from the beginning on. */
function listenTo(source: LiveSource) {
  const messages: Message[] = [];
  const { recording } = source.open((message) => messages.push(message));
  const frames = () => [
    ...recording.frames,
    ...messages.flatMap((message) => (message.kind === 'frame' ? [message.frame] : [])),
  ];
  return {
    state: () => playedTo(recording.base, frames()),
    ended: () => messages.at(-1)?.kind === 'end',
  };
}

describe('a live run', () => {
  test('is seen by who is there from the start as by who comes late', async () => {
    let early: PageState | undefined;
    let late: Recording | undefined;
    let last: PageState | undefined;
    await runCase('memory', {
      spec: specOf(network),
      during: async ({ session, plan, sleep }) => {
        const options = { testnet: plan.testnet, control: false };
        const source = followSession(session, options, new AbortController().signal);
        const page = listenTo(source);
        await untilElapsed({ session, sleep }, 8);
        const [status, nodes, graph] = [
          await session.status(),
          await session.nodes(),
          await session.graph(),
        ];
        last = pageState(status, nodes, graph);
        late = source.open(() => undefined).recording;
        early = page.state();
      },
    });
    expect(late && playedTo(late.base, late.frames)).toEqual(early);
    const { nodes, edges, faults } = last ?? {};
    expect(early).toMatchObject({ nodes, edges, faults });
    expect(late?.frames.flatMap(({ events = [] }) => events.map(({ event }) => event))).toEqual(
      expect.arrayContaining(['started', 'ready', 'fault-enforced', 'fault-healed']),
    );
  });

  test('shows the connections that a fault has cut as gone, and whole again after', async () => {
    const edges: number[] = [];
    await runCase('memory', {
      spec: specOf(network),
      during: async ({ session, plan, sleep }) => {
        const options = { testnet: plan.testnet, control: false };
        const page = listenTo(followSession(session, options, new AbortController().signal));
        for (const seconds of [1.5, 4.5]) {
          await untilElapsed({ session, sleep }, seconds);
          edges.push(Object.keys(page.state().edges).length);
        }
      },
    });
    expect(edges).toEqual([6, 3]);
  });

  test('shows the nodes of a run that is over as they were', async () => {
    let page: ReturnType<typeof listenTo> | undefined;
    await runCase('memory', {
      spec: specOf(network),
      during: async ({ session, plan, sleep }) => {
        const options = { testnet: plan.testnet, control: false };
        page = listenTo(followSession(session, options, new AbortController().signal));
        while ((await session.status()).exitCode === undefined) await sleep(200);
        await sleep(2_000);
        expect((await session.nodes()).map(({ state }) => state)).toContain('exited');
      },
    });
    expect(page?.state()).toMatchObject({ exitCode: 0 });
    const states = Object.values(page?.state().nodes ?? {}).map(({ state }) => state);
    expect(states).toEqual(['ready', 'ready', 'ready', 'ready']);
  });

  test('ends with its session, and keeps what was seen', async () => {
    const stop = new AbortController();
    let source: LiveSource | undefined;
    let page: ReturnType<typeof listenTo> | undefined;
    await runCase('memory', {
      spec: specOf(network),
      during: async ({ session, plan, sleep }) => {
        source = followSession(session, { testnet: plan.testnet, control: false }, stop.signal);
        page = listenTo(source);
        await untilElapsed({ session, sleep }, 1);
        stop.abort();
        await source.done;
      },
    });
    expect(page?.ended()).toBe(true);
    expect(page?.state().nodes).toHaveProperty('full-2');
    expect(source && listenTo(source).state()).toEqual(page?.state());
  });

  test('takes faults of its own testnet, and says what is wrong with others', async () => {
    const document = (spec: object) =>
      JSON.stringify({
        apiVersion: 'peerstorm.dev/v1alpha1',
        kind: 'Fault',
        metadata: { name: 'by-hand' },
        spec,
      });
    const partition = { sides: [{ nodes: ['full-1'] }] };
    await runCase('memory', {
      spec: specOf({ more: 'duration: 20s' }),
      during: async ({ session, plan, sleep }) => {
        const options = { testnet: plan.testnet, control: true };
        const { control } = followSession(session, options, new AbortController().signal);
        await untilElapsed({ session, sleep }, 1);
        const apply = (spec: object) => control?.applyFault(document(spec));
        await expect(apply({ testnet: 'other', partition })).rejects.toThrow(/is for other/);
        await expect(apply({ testnet: plan.testnet })).rejects.toThrow(/exactly one/);
        await expect(control?.applyFault('{')).rejects.toMatchObject({ code: 'SPEC_INVALID' });
        expect(await apply({ testnet: plan.testnet, partition })).toBe('by-hand');
        expect(await control?.clearFaults()).toEqual(['by-hand']);
      },
    });
  });
});
