// All nodes, with a search: the graph as text.
import { toggled } from '../graph/graph.tsx';
import { partiesOf } from '../graph/scene.ts';
import type { PanelProps } from './props.ts';

const most = 400;

export function NodeList({ shown, model, set }: PanelProps) {
  const { state } = shown;
  const { adversaries, victims } = partiesOf(state);
  const words = model.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = Object.entries(state.nodes).filter(([name, node]) => {
    const text = `${name} ${node.group} ${node.region} ${node.role} ${node.state} ${node.address} ${
      victims.has(name) ? 'victim' : ''
    }`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return (
    <section class="panel" aria-labelledby="nodes">
      <h2 id="nodes">
        Nodes <small>{found.length}</small>
      </h2>
      <input
        type="search"
        placeholder="Search: name, group, region, role, state"
        aria-label="Search nodes"
        value={model.filter}
        onInput={(event) => set({ filter: event.currentTarget.value })}
      />
      <ul class="nodes">
        {found.slice(0, most).map(([name, node]) => (
          <li key={name} class={model.selected === name ? 'selected' : ''}>
            {model.picking && (
              <input
                type="checkbox"
                aria-label={`Pick ${name}`}
                checked={model.picked.has(name)}
                onChange={() => set({ picked: toggled(model.picked, name) })}
              />
            )}
            <button
              type="button"
              aria-pressed={model.selected === name}
              onClick={() => set({ selected: model.selected === name ? undefined : name })}
            >
              <i class={`state ${node.state}`} aria-hidden="true" />
              <span class="who">
                {name}
                {adversaries.has(name) && <em> adversary</em>}
                {victims.has(name) && <em> victim</em>}
              </span>
              <span class="what">
                {node.state === 'ready' ? '' : `${node.state} `}
                {node.peers === undefined ? '' : `${node.peers} peers`}
                {node.height === undefined ? '' : `, height ${node.height}`}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
