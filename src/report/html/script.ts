// The only script of the page that is ours: it draws the plots with uPlot. The page's content
// security policy allows exactly this text (by its hash) and uPlot, and nothing from the network.

export const script = String.raw`
'use strict';
const { times, plots, windows, until } = JSON.parse(document.getElementById('data').textContent);
const style = () => getComputedStyle(document.documentElement);
const color = (name) => style().getPropertyValue(name).trim();
const clock = (t) => {
  const whole = Math.round(Math.abs(t) * 10) / 10;
  const text = until < 600 ? whole + ' s' : Math.floor(whole / 60) + ':' + String(Math.round(whole % 60)).padStart(2, '0');
  return (t < 0 ? '-' : '') + text;
};

function shade(u) {
  const { ctx, bbox } = u;
  ctx.save();
  for (const { start, end, fault } of windows) {
    const from = Math.max(u.valToPos(start, 'x', true), bbox.left);
    const to = Math.min(u.valToPos(end, 'x', true), bbox.left + bbox.width);
    ctx.fillStyle = color('--c' + (fault % 6));
    ctx.globalAlpha = Number(color('--shade'));
    ctx.fillRect(from, bbox.top, Math.max(to - from, 1), bbox.height);
  }
  ctx.restore();
}

function options({ title, stepped, series }, width) {
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const paths = stepped ? uPlot.paths.stepped({ align: 1 }) : undefined;
  const whole = series.every(({ values }) => values.every((value) => value === null || Number.isInteger(value)));
  return {
    width,
    height: 170,
    cursor: { sync: { key: 'time' }, drag: { x: true, y: false } },
    scales: { x: { time: false, range: (u, least, most) => [least, Math.max(most, least + 1)] },
      y: { range: (u, least, most) => [Math.min(0, least), Math.max(1, most) * 1.08] } },
    axes: [
      { ...axis, size: 28, values: (u, values) => values.map(clock) },
      { ...axis, size: 42, ...(whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] } : {}) },
    ],
    series: [
      { label: 'at', value: (u, value) => (value == null ? '–' : clock(value)) },
      ...series.map(({ label }, i) => ({ label, paths, stroke: color('--c' + i), width: 1.7, points: { show: times.length < 2 }, value: (u, value) => value ?? '–' })),
    ],
    bands: series.flatMap(({ band }, i) => (band ? [{ series: [i + 1, i], fill: color('--c' + i) + '22' }] : [])),
    hooks: { drawClear: [shade] },
  };
}

let drawn = [];
function draw() {
  for (const plot of drawn) plot.destroy();
  drawn = plots.map((plot, i) => {
    const place = document.getElementById('plot-' + i);
    return new uPlot(options(plot, place.clientWidth), [times, ...plot.series.map(({ values }) => values)], place);
  });
}

draw();
let width = innerWidth;
addEventListener('resize', () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', draw);
`;
