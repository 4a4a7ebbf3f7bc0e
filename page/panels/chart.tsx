// One plot over the time of the run, with the faults as bands behind it and a line at the moment
// that is shown. What has no value anywhere is not drawn at all.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { PageState } from '../../src/web/state.ts';
import type { PanelProps } from './props.ts';
import { value } from './text.ts';

export type Line = {
  readonly name: string;
  /** Where a plot has several. */
  readonly label?: string;
  readonly of: (state: PageState) => number | undefined;
};
type Props = PanelProps & { readonly title: string; readonly lines: readonly Line[] };

/** What the drawing hooks of a plot look at: it is changed in place. */
type Behind = { state: PageState };

export function Chart({ title, lines, player, shown }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const behind = useRef<Behind>({ state: shown.state });
  behind.current.state = shown.state;
  const data = dataOf(player.states, lines);
  const drawn = lines.filter((_, index) => data[index + 1]?.some((one) => one !== null));
  const isEmpty = drawn.length === 0;
  const count = data[0]?.length ?? 0;
  useEffect(() => {
    if (place.current === null || isEmpty) return undefined;
    const element = place.current;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, lines, behind.current), data as never, element);
    };
    make();
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', make);
    return () => {
      dark.removeEventListener('change', make);
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [isEmpty]);
  useEffect(() => {
    if (plot.current?.data[0].length === count) plot.current.redraw(false);
    else plot.current?.setData(data as never);
  }, [shown.state, count]);
  if (isEmpty) return null;
  const now = drawn.map(({ name, label, of }) => {
    const number = of(shown.state);
    const text = number === undefined ? 'none' : value(name, number);
    return label === undefined ? text : `${label} ${text}`;
  });
  return (
    <figure class="plot" role="img" aria-label={`${title} over time; now ${now.join(', ')}`}>
      <figcaption>
        {title}
        {now.map((text, index) => (
          <b key={text} class={drawn.length > 1 ? `c${index}` : ''}>
            {text}
          </b>
        ))}
      </figcaption>
      <div ref={place} />
    </figure>
  );
}

const height = 92;

function dataOf(states: readonly PageState[], lines: readonly Line[]): (number | null)[][] {
  const timed = states.filter(({ elapsed }) => elapsed !== undefined);
  return [
    timed.map(({ elapsed = 0 }) => elapsed),
    ...lines.map(({ of }) => timed.map((state) => of(state) ?? null)),
  ];
}

function optionsOf(element: HTMLElement, lines: readonly Line[], behind: Behind): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('soft'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    font: '10px system-ui, sans-serif',
  };
  return {
    width: element.clientWidth,
    height,
    padding: [6, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_, least, most) => [Math.min(0, least), most <= 1 ? 1.05 : most * 1.1] },
    },
    axes: [
      { ...axis, size: 20, values: (_, ticks) => ticks.map((tick) => `${tick} s`), space: 60 },
      { ...axis, size: 32, space: 26 },
    ],
    series: [
      {},
      ...lines.map((_, index) => ({
        stroke: colour(`c${index}`),
        width: 1.6,
        spanGaps: false,
        points: { show: false },
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawFaults(plot, behind.state, colour('fault'))],
      draw: [(plot) => drawNow(plot, behind.state, colour('link'))],
    },
  };
}

function drawFaults(plot: uPlot, { faults, elapsed = 0 }: PageState, colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour;
  for (const { state, startsAt, endsAt = elapsed } of Object.values(faults)) {
    if (state === 'planned' || state === 'cleared') continue;
    const from = plot.valToPos(startsAt, 'x', true);
    const to = plot.valToPos(state === 'active' ? Math.min(endsAt, elapsed) : endsAt, 'x', true);
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
  }
  ctx.restore();
}

function drawNow(plot: uPlot, { elapsed }: PageState, colour: string): void {
  if (elapsed === undefined) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(elapsed, 'x', true);
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
