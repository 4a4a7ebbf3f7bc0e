// One node in depth: what it is, whom it is connected with, its numbers over time, its log.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageNode } from '../../src/web/state.ts';
import { logOf } from '../connection.ts';
import { Chart } from './chart.tsx';
import type { PanelProps } from './props.ts';
import { value, words } from './text.ts';

const plotted = ['node_height', 'node_peers_live', 'eclipse_ratio', 'reorg_depth'];

export function NodeDetail({ model, shown, player, set }: PanelProps) {
  const { state } = shown;
  const name = model.selected ?? '';
  const section = useRef<HTMLElement>(null);
  // It may have been chosen far below.
  useEffect(() => section.current?.scrollIntoView({ block: 'nearest' }), [name]);
  const node = state.nodes[name];
  if (node === undefined) return null;
  const peers = Object.keys(state.edges)
    .map((key) => key.split(' '))
    .flatMap(([a = '', b = '']) => (a === name ? [b] : b === name ? [a] : []));
  return (
    <section ref={section} class="panel detail" aria-labelledby="detail">
      <h2 id="detail">
        {name}
        <button type="button" class="close" onClick={() => set({ selected: undefined })}>
          Close
        </button>
      </h2>
      <Facts node={node} />
      <h3>Connected with {peers.length}</h3>
      <p class="peers">
        {peers.map((peer) => (
          <button key={peer} type="button" onClick={() => set({ selected: peer })}>
            {peer}
          </button>
        ))}
      </p>
      <div class="plots">
        {plotted.map((metric) => (
          <Chart
            key={`${name} ${metric}`}
            title={words(metric)}
            lines={[{ name: metric, of: (one) => one.nodes[name]?.metrics?.[metric] }]}
            {...{ player, shown, set, model }}
          />
        ))}
      </div>
      <Log key={name} node={name} live={model.connection === 'open'} />
    </section>
  );
}

function Facts({ node }: { readonly node: PageNode }) {
  const facts: readonly (readonly [string, string])[] = [
    ['state', node.state + (node.restarts > 0 ? `, restarted ${node.restarts} times` : '')],
    ['group', node.group + (node.role === '' ? '' : ` (${node.role})`)],
    ['region', node.region],
    ['kind', node.kind],
    ['address', node.address],
    ['height', node.height === undefined ? '' : String(node.height)],
    ['tip', node.tip ?? ''],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, text]) => text !== '')
        .map(([label, text]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      {Object.entries(node.metrics ?? {})
        .filter(([metric]) => metric !== 'node_height')
        .map(([metric, number]) => (
          <div key={metric}>
            <dt>{words(metric)}</dt>
            <dd>{value(metric, number)}</dd>
          </div>
        ))}
    </dl>
  );
}

const logEveryMs = 2_000;

function Log({ node, live }: { readonly node: string; readonly live: boolean }) {
  const [lines, setLines] = useState<readonly string[]>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const read = async () => {
      const found = await logOf(node).catch((error: unknown) => [`no log: ${String(error)}`]);
      if (gone) return;
      setLines(found);
      if (live) timer = setTimeout(() => void read(), logEveryMs);
    };
    void read();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [node, live]);
  return (
    <>
      <h3>Log</h3>
      {/* A text that scrolls must be reachable by keyboard. */}
      <pre class="log" tabIndex={0} aria-label={`Newest lines of the log of ${node}`}>
        {lines === undefined
          ? 'reading ...'
          : lines.length === 0
            ? 'nothing yet'
            : lines.join('\n')}
      </pre>
    </>
  );
}
