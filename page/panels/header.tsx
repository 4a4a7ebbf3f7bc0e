// Which run this is, how it stands, and the numbers of the whole network.
import { useEffect } from 'preact/hooks';
import type { Model } from '../model.ts';
import type { PanelProps } from './props.ts';
import { clock, value, words } from './text.ts';

const numbers = ['components', 'chain_forks', 'distinct_tips', 'height_spread', 'agreement_ratio'];

export function Header({ model, shown, player }: PanelProps) {
  const { state } = shown;
  const nodes = Object.values(state.nodes);
  const ready = nodes.filter((node) => node.state === 'ready').length;
  const { tone, text } = standing(player.mode === 'live' ? model.connection : 'open', state);
  useEffect(() => {
    document.title = `${state.testnet}: ${text}`;
  }, [state.testnet, text]);
  return (
    <header class={tone}>
      <div class="name">
        <h1>{state.testnet}</h1>
        <p>
          <span class={`badge ${tone}`} id="phase">
            {text}
          </span>{' '}
          {player.mode === 'replay' ? 'replay of a run' : 'live'} on {state.runtime}
        </p>
      </div>
      <dl>
        <div>
          <dt>time</dt>
          <dd id="time">{state.elapsed === undefined ? 'starting' : clock(state.elapsed)}</dd>
        </div>
        <div>
          <dt>nodes ready</dt>
          <dd>
            {ready}
            <small> of {nodes.length}</small>
          </dd>
        </div>
        {numbers.map((name) => {
          const number = state.metrics[name];
          return number === undefined ? null : (
            <div key={name} class={name}>
              <dt>{words(name)}</dt>
              <dd>{value(name, number)}</dd>
            </div>
          );
        })}
      </dl>
      {state.problems.length > 0 && (
        <ul class="problems" aria-label="Problems">
          {state.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </header>
  );
}

type Standing = { readonly tone: string; readonly text: string };

function standing(
  connection: Model['connection'],
  { phase, exitCode }: PanelProps['shown']['state'],
): Standing {
  if (exitCode !== undefined) {
    if (exitCode === 0) return { tone: 'passed', text: 'passed' };
    return exitCode === 1 ? { tone: 'failed', text: 'failed' } : { tone: 'error', text: 'error' };
  }
  if (connection === 'lost') return { tone: 'error', text: 'no contact' };
  if (connection === 'ended') return { tone: 'pending', text: 'over' };
  return { tone: 'pending', text: phase };
}
