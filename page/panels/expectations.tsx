// What the spec claims, and how it stands: sign, colour and word, none of them alone.
import type { PanelProps } from './props.ts';

const signs: Readonly<Record<string, string>> = {
  passed: '✓',
  failed: '✗',
  error: '!',
  pending: '…',
};

export function Expectations({ shown }: PanelProps) {
  const all = Object.entries(shown.state.expectations);
  if (all.length === 0) return null;
  const passed = all.filter(([, { status }]) => status === 'passed').length;
  return (
    <section class="panel" aria-labelledby="expectations">
      <h2 id="expectations">
        Expectations <small>{`${passed} of ${all.length} passed`}</small>
      </h2>
      <ul class="expectations">
        {all.map(([name, { status, reason, last }]) => (
          <li key={name} class={status} data-status={status}>
            <span class="sign" aria-hidden="true">
              {signs[status] ?? '?'}
            </span>
            <div>
              <b>{name}</b> <span class="hidden">{status}</span>
              {reason !== undefined && <p>{reason}</p>}
            </div>
            {status === 'pending' && last !== undefined && (
              <span class="now">now {Number(last.toPrecision(3))}</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
