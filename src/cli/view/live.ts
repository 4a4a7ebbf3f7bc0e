// The live view of a run on a terminal: everything of one moment on one screen of 80 by 24.
import stringWidth from 'string-width';
import { formatCount, formatSeconds, plural } from '../../report/format.ts';
import type { FaultStatus, Status } from '../../session/session.ts';
import { cut, mark, oneLine, type Paint, pad } from './text.ts';

export type Screen = {
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
  /** A line that is always there; '' for none. */
  readonly pinned?: string;
};

/** `recent`: lines of what has happened, the newest last. */
export function renderLive(
  status: Status | undefined,
  recent: readonly string[],
  { width, height, paint, pinned = '' }: Screen,
): string {
  const pins = pinned === '' ? [] : [cut(pinned, width)];
  if (status === undefined) return [...pins, ...recent.slice(-3)].join('\n');
  const problems = status.problems
    .slice(-2)
    .map((problem) => `${mark('error', paint)} ${cut(oneLine(problem), width - 2)}`);
  const top = [
    header(status, width, paint),
    progress(status, width, paint),
    metrics(status, paint),
    ...pins,
  ].map((line) => cut(line, width));
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['faults', faultLines(status, width, paint)],
    ['expectations', expectationLines(status, width, paint)],
    ['events', recent.map((line) => cut(line, width))],
  ];
  const shown = lists.filter(([, lines]) => lines.length > 0);
  // The last row stays free for the cursor; each list has a blank row and a title.
  const room = height - 1 - top.length - problems.length - 2 * shown.length;
  const rows = shareRows(
    shown.map(([, lines]) => lines.length),
    Math.max(room, shown.length),
  );
  const bodies = shown.map(([title, lines], i) => {
    const keep = rows[i] ?? 0;
    const kept = title === 'events' ? lines.slice(-keep) : firstOf(lines, keep, paint);
    return ['', paint('dim', title), ...kept];
  });
  return [...top, ...problems, ...bodies.flat()].join('\n');
}

/** Rows for each list: all that it wants, or what is left when the smaller ones are served. */
export function shareRows(wanted: readonly number[], room: number): readonly number[] {
  const rows = wanted.map(() => 0);
  for (let left = room; left > 0; left--) {
    const hungry = rows.findIndex(
      (row, i) =>
        row < (wanted[i] ?? 0) && rows.every((other, j) => row <= other || other === wanted[j]),
    );
    if (hungry === -1) break;
    rows[hungry] = (rows[hungry] ?? 0) + 1;
  }
  return rows;
}

function firstOf(lines: readonly string[], keep: number, paint: Paint): readonly string[] {
  if (lines.length <= keep) return lines;
  const more = lines.length - keep + 1;
  return [...lines.slice(0, keep - 1), paint('dim', `  ${more} more`)];
}

const phases = { starting: 'yellow', running: 'green', ended: 'bold', stopping: 'yellow' } as const;

function header({ testnet, runtime, phase, elapsed }: Status, width: number, paint: Paint): string {
  const left = `${paint('bold', testnet)} ${paint('dim', `on ${runtime}`)}`;
  const time = elapsed === undefined ? '' : ` ${formatSeconds(Math.max(0, Math.floor(elapsed)))}`;
  const right = `${paint(phases[phase], phase)}${time}`;
  return left + pad(right, width - stringWidth(left), 'left');
}

/** Nodes while they start, then the way through the timeline. */
function progress(status: Status, width: number, paint: Paint): string {
  const { planned, running, ready } = status.nodes;
  const { elapsed = 0, wave } = status;
  const waves = wave === undefined ? '' : `, wave ${wave.index + 1} of ${wave.of}`;
  if (status.phase === 'starting') {
    const text = `${ready} of ${plural(planned, 'node')} ready, ${running} up${waves}`;
    return bar({ share: ready / Math.max(1, planned), text, width }, paint);
  }
  const until = Math.max(0, ...status.faults.map(({ startsAt, endsAt }) => endsAt ?? startsAt));
  const nodes = `${ready} of ${plural(planned, 'node')} ready`;
  if (until === 0) return nodes;
  const text =
    elapsed < until
      ? `${nodes}, last fault ends at ${formatSeconds(until)}`
      : `${nodes}, all faults are over`;
  return bar({ share: Math.min(1, elapsed / until), text, width }, paint);
}

function bar(
  { share, text, width }: { readonly share: number; readonly text: string; readonly width: number },
  paint: Paint,
): string {
  const cells = Math.max(10, Math.min(30, width - stringWidth(text) - 2));
  const full = Math.round(share * cells);
  return `${paint('cyan', '█'.repeat(full))}${paint('dim', '░'.repeat(cells - full))}  ${text}`;
}

function metrics({ metrics }: Status, paint: Paint): string {
  const names = Object.keys(labels).filter((name) => metrics[name] !== undefined);
  if (names.length === 0) return paint('dim', 'no samples yet');
  return names
    .map((name) => {
      const value = metrics[name] ?? 0;
      const text = name.endsWith('_ratio') ? `${Math.round(100 * value)} %` : formatCount(value);
      return `${paint('dim', labels[name] ?? name)} ${paint('bold', text)}`;
    })
    .join('   ');
}

const labels: Readonly<Record<string, string>> = {
  nodes_answering: 'answering',
  components: 'components',
  distinct_tips: 'tips',
  height_spread: 'spread',
  agreement_ratio: 'agreement',
};

const faultOrder = ['active', 'planned', 'over', 'cleared'];

function faultLines({ faults, elapsed }: Status, width: number, paint: Paint): readonly string[] {
  const name = Math.min(
    24,
    Math.max(0, ...faults.map((fault) => stringWidth(oneLine(fault.name)))),
  );
  return faults
    .toSorted((a, b) => faultOrder.indexOf(a.state) - faultOrder.indexOf(b.state))
    .map((fault) => {
      const sign = mark(fault.proof ?? fault.state, paint);
      const what = `${pad(cut(oneLine(fault.name), name), name)}  ${pad(fault.kind, 9)}`;
      return cut(`${sign} ${what}  ${when(fault, elapsed)}`, width);
    });
}

function when(
  { state, startsAt, endsAt, proof }: FaultStatus,
  elapsed: number | undefined,
): string {
  const now = elapsed ?? 0;
  const left = (to: number) => formatSeconds(Math.max(0, Math.ceil(to - now)));
  if (state === 'planned') {
    return elapsed === undefined ? `at ${formatSeconds(startsAt)}` : `in ${left(startsAt)}`;
  }
  if (state === 'active')
    return endsAt === undefined ? 'in force' : `in force, ${left(endsAt)} left`;
  if (state === 'cleared') return 'cleared';
  return proof === undefined ? 'over, being proved' : `over, ${proof}`;
}

const verdictOrder = ['failed', 'error', 'pending', 'passed'];

function expectationLines(
  { expectations }: Status,
  width: number,
  paint: Paint,
): readonly string[] {
  const widest = Math.max(0, ...expectations.map(({ name }) => stringWidth(oneLine(name))));
  const room = Math.min(widest, width - 18);
  return expectations
    .toSorted((a, b) => verdictOrder.indexOf(a.status) - verdictOrder.indexOf(b.status))
    .map(({ name, status, last }) => {
      const open = status === 'pending' && last !== undefined;
      const seen = open ? paint('dim', `  now ${Number(last.toPrecision(4))}`) : '';
      return cut(
        `${mark(status, paint)} ${pad(cut(oneLine(name), room), room)}${seen}`,
        width,
      ).trimEnd();
    });
}
