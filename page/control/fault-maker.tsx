// Faults by hand: pick nodes in the graph (draw a line around them) or in the list, then say what
// is to become of them.
import { useState } from 'preact/hooks';
import { applyFault, clearFaults } from '../connection.ts';
import { partiesOf } from '../graph/scene.ts';
import type { PanelProps } from '../panels/props.ts';
import { faultDocument, type Wish } from './documents.ts';

const lengths = [10, 30, 60, 300];

export function FaultMaker({ model, shown, set }: PanelProps) {
  const { state } = shown;
  const { picked, picking } = model;
  const [seconds, setSeconds] = useState<number | undefined>(30);
  const { told, tell } = useTold();
  const nodes = [...picked].filter((name) => state.nodes[name] !== undefined);
  const attackers = [...partiesOf(state).adversaries].filter((name) => !picked.has(name));
  const apply = (wish: Wish) =>
    tell(applyFault(faultDocument(state, wish, seconds)).then((name) => `${name} is accepted`));
  const none = nodes.length === 0;
  return (
    <section class="panel control" aria-labelledby="control">
      <h2 id="control">
        Break it <small>{nodes.length} nodes picked</small>
      </h2>
      <p class="buttons">
        <button type="button" aria-pressed={picking} onClick={() => set({ picking: !picking })}>
          Pick nodes
        </button>
        <button type="button" disabled={none} onClick={() => set({ picked: new Set() })}>
          Pick none
        </button>
        <Length seconds={seconds} set={setSeconds} />
      </p>
      {picking && <p class="hint">Draw a line around nodes, or click them, or tick them below.</p>}
      <p class="buttons">
        <button
          type="button"
          disabled={none}
          onClick={() => apply({ kind: 'partition', picked: nodes })}
        >
          Split them off
        </button>
        <button
          type="button"
          disabled={none || attackers.length === 0}
          title={attackers.length === 0 ? 'There is no adversary in this testnet' : ''}
          onClick={() => apply({ kind: 'eclipse', picked: nodes, attackers })}
        >
          Eclipse them
        </button>
      </p>
      <WorseLinks nodes={nodes} apply={apply} />
      <p class="buttons">
        <button type="button" onClick={() => tell(clearFaults().then(clearedText))}>
          Clear all faults
        </button>
      </p>
      <p class="told" role="alert">
        {told}
      </p>
    </section>
  );
}

function clearedText(names: readonly string[]): string {
  return names.length === 0 ? 'no fault to clear' : `cleared ${names.join(', ')}`;
}

/** What has become of the newest wish. */
function useTold() {
  const [told, setTold] = useState('');
  const tell = (work: Promise<string>) =>
    void work.then(setTold, (error: unknown) =>
      setTold(error instanceof Error ? error.message : String(error)),
    );
  return { told, tell };
}

type LengthProps = {
  readonly seconds: number | undefined;
  readonly set: (seconds: number | undefined) => void;
};

function Length({ seconds, set }: LengthProps) {
  return (
    <label>
      for{' '}
      <select
        value={String(seconds ?? '')}
        onChange={(event) => set(Number(event.currentTarget.value) || undefined)}
      >
        {lengths.map((one) => (
          <option key={one} value={String(one)}>{`${one} s`}</option>
        ))}
        <option value="">until cleared</option>
      </select>
    </label>
  );
}

type WorseProps = {
  readonly nodes: readonly string[];
  readonly apply: (wish: Wish) => void;
};

function WorseLinks({ nodes, apply }: WorseProps) {
  const [lossPercent, setLoss] = useState(20);
  const [delayMs, setDelay] = useState(0);
  return (
    <>
      <Slider label="Loss" unit="%" most={100} value={lossPercent} set={setLoss} />
      <Slider label="Delay" unit="ms" most={1_000} value={delayMs} set={setDelay} />
      <p class="buttons">
        <button
          type="button"
          disabled={nodes.length === 0 || (lossPercent === 0 && delayMs === 0)}
          onClick={() => apply({ kind: 'link', picked: nodes, lossPercent, delayMs })}
        >
          Worsen their links
        </button>
      </p>
    </>
  );
}

type SliderProps = {
  readonly label: string;
  readonly unit: string;
  readonly most: number;
  readonly value: number;
  readonly set: (value: number) => void;
};

function Slider({ label, unit, most, value, set }: SliderProps) {
  return (
    <label class="slider">
      <span>{label}</span>
      <input
        type="range"
        min={0}
        max={most}
        step={most / 100}
        value={value}
        onInput={(event) => set(Number(event.currentTarget.value))}
      />
      <output>{`${value} ${unit}`}</output>
    </label>
  );
}
