// The network over time.
import { Chart, type Line } from './chart.tsx';
import type { PanelProps } from './props.ts';

const network = (name: string, label?: string): Line => ({
  name,
  ...(label === undefined ? {} : { label }),
  of: (state) => state.metrics[name],
});
const plots: readonly { readonly title: string; readonly lines: readonly Line[] }[] = [
  { title: 'components', lines: [network('components')] },
  { title: 'chain', lines: [network('chain_forks', 'forks'), network('distinct_tips', 'tips')] },
  { title: 'height spread', lines: [network('height_spread')] },
  { title: 'agreement', lines: [network('agreement_ratio')] },
  { title: 'nodes answering', lines: [network('nodes_answering')] },
];

export function Charts({ player, shown, set, model }: PanelProps) {
  return (
    <section class="panel" aria-labelledby="network">
      <h2 id="network">Network</h2>
      <div class="plots">
        {plots.map(({ title, lines }) => (
          <Chart key={title} {...{ title, lines, player, shown, set, model }} />
        ))}
      </div>
    </section>
  );
}
