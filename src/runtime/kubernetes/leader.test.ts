import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fail } from '../../errors.ts';
import { type VirtualClock, virtualClock } from '../memory/virtual-clock.ts';
import { type Api, resources } from './api.ts';
import { type Lease, microTime, standForElection } from './leader.ts';
import { memoryServer } from './memory-api.ts';

const lease = { namespace: 'b', name: 'controller' };

/** Requests of `who` that are held back or refused; what is held back may arrive nevertheless. */
type Weather = { down: boolean; slowMs: number };

function electors(clock: VirtualClock) {
  const server = memoryServer();
  const stand = (identity: string) => {
    const weather: Weather = { down: false, slowMs: 0 };
    const client = server.client(identity);
    const through = async <T>(request: () => Promise<T>): Promise<T> => {
      const { slowMs, down } = weather;
      await clock.sleep(slowMs / 2);
      if (down) throw fail('API_UNREACHABLE', 'down');
      const answer = await request();
      await clock.sleep(slowMs / 2);
      return answer;
    };
    const api: Pick<Api, 'get' | 'create' | 'update'> = {
      get: (...args) => through(() => client.get(...args)),
      create: (...args) => through(() => client.create(...args)),
      update: (...args) => through(() => client.update(...args)),
    };
    const losses: string[] = [];
    const states: boolean[] = [];
    const leadership = standForElection({
      api,
      lease,
      identity,
      clock,
      random: () => 0,
      durations: { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 },
      onLost: (why) => losses.push(why),
      leading: (leads) => states.push(leads),
    });
    return { ...leadership, weather, losses, states };
  };
  const stored = () => server.all<Lease>(resources.leases)[0]?.spec;
  return { server, stand, stored };
}

async function inVirtualTime(play: (clock: VirtualClock) => Promise<void>): Promise<void> {
  const clock = virtualClock(Date.parse('2026-01-01T00:00:00Z'));
  await clock.run(play(clock));
}

test('one of two leads, and the other takes over when the first is gone', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, stored } = electors(clock);
    const [one, two] = [stand('one'), stand('two')];
    expect(await one.elected).toBe(true);
    await clock.sleep(60_000);
    expect([one.leads(), two.leads()]).toEqual([true, false]);
    expect(stored()).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 });
    one.weather.down = true;
    const began = clock.now();
    expect(await two.elected).toBe(true);
    const took = clock.now() - began;
    expect(took).toBeGreaterThan(10_000);
    expect(took).toBeLessThan(20_000);
    expect(one.losses).toEqual(['the lease was not renewed for 10 s']);
    expect(stored()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
    expect([one.states, two.states]).toEqual([
      [false, true, false],
      [false, true],
    ]);
    await two.release();
  });
});

test('a leader that hangs in a request has lost in time nevertheless, and is told once', async () => {
  await inVirtualTime(async (clock) => {
    const { stand } = electors(clock);
    const one = stand('one');
    await one.elected;
    one.weather.slowMs = 3_600_000;
    await clock.sleep(12_000);
    expect(one.leads()).toBe(false);
    expect(one.losses).toEqual(['the lease was not renewed for 10 s']);
    await clock.sleep(4_000_000);
    expect(one.losses).toHaveLength(1);
  });
});

test('who hears late that it was elected has less time, or none', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, stored } = electors(clock);
    const one = stand('one');
    one.weather.slowMs = 7000;
    await clock.sleep(8000);
    // It asked, and then made it, which took 14 seconds in all.
    await one.elected;
    one.weather.down = true;
    const two = stand('two');
    const made = Date.parse(stored()?.renewTime?.replace('000Z', 'Z') ?? '');
    while (!two.leads()) {
      expect(one.leads() && clock.now() >= made + 10_000).toBe(false);
      await clock.sleep(100);
    }
    expect(one.losses).toHaveLength(1);
    const three = stand('three');
    three.weather.slowMs = 30_000;
    await two.release();
    await clock.sleep(65_000);
    expect(stored()?.holderIdentity).toBe('three');
    expect([three.leads(), three.losses]).toEqual([false, []]);
    await three.release();
  });
});

test('a leader whose Lease has another holder has lost at once', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, server } = electors(clock);
    const one = stand('one');
    await one.elected;
    server.change(resources.leases, lease, { spec: { holderIdentity: 'usurper' } });
    await clock.sleep(2500);
    expect(one.losses).toEqual(['the lease has another holder']);
  });
});

test('a Lease that others touched is renewed all the same', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, server } = electors(clock);
    const one = stand('one');
    await one.elected;
    for (let count = 0; count < 9; count += 1) {
      server.change(resources.leases, lease, { metadata: { annotations: { at: String(count) } } });
      await clock.sleep(2500);
    }
    expect(one.leads()).toBe(true);
    await one.release();
  });
});

test('a Lease that is given away is taken at the next look', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, stored } = electors(clock);
    const one = stand('one');
    await one.elected;
    const two = stand('two');
    await clock.sleep(5000);
    const began = clock.now();
    const released = one.release();
    expect(one.leads()).toBe(false);
    await released;
    expect(stored()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await two.elected;
    expect(clock.now() - began).toBeLessThanOrEqual(2000);
    expect(one.losses).toEqual([]);
    await two.release();
  });
});

test('who withdraws before being elected is not', async () => {
  await inVirtualTime(async (clock) => {
    const { stand, stored } = electors(clock);
    const one = stand('one');
    await one.elected;
    const two = stand('two');
    await two.release();
    expect(await two.elected).toBe(false);
    expect(stored()).toMatchObject({ holderIdentity: 'one' });
    await one.release();
  });
});

test('times in a Lease have six digits', async () => {
  expect(microTime(Date.parse('2026-01-02T03:04:05.006Z'))).toBe('2026-01-02T03:04:05.006000Z');
  await inVirtualTime(async (clock) => {
    const { stand, stored } = electors(clock);
    const one = stand('one');
    await one.elected;
    for (const time of [stored()?.acquireTime, stored()?.renewTime]) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
    await one.release();
  });
});

const weather = fc.record({
  who: fc.integer({ min: 0, max: 2 }),
  down: fc.boolean(),
  slowMs: fc.constantFrom(0, 0, 200, 3000, 9000, 14_000, 40_000),
  forMs: fc.constantFrom(500, 3000, 8000, 20_000),
});

test('whatever happens to their requests, never do two lead', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(weather, { maxLength: 15 }), async (changes) => {
      await inVirtualTime(async (clock) => {
        const { stand } = electors(clock);
        let next = 3;
        const all = ['0', '1', '2'].map(stand);
        let most = 0;
        let led = 0;
        for (const { who, down, slowMs, forMs } of changes) {
          Object.assign(all[who]?.weather ?? {}, { down, slowMs });
          for (let passed = 0; passed < forMs; passed += 250) {
            await clock.sleep(250);
            const leaders = all.filter((one) => one.leads()).length;
            most = Math.max(most, leaders);
            led += leaders;
            // Who has lost exits, and starts again.
            for (const [index, { losses }] of all.entries()) {
              if (losses.length > 0) all[index] = stand(String(next++));
            }
          }
        }
        for (const one of all) one.weather.down = false;
        await Promise.all(all.map((one) => one.release()));
        expect(most).toBeLessThanOrEqual(1);
        if (changes.length === 0) expect(led).toBe(0);
      });
    }),
    { numRuns: 60 },
  );
});
