// Shows a run while it goes on: redrawn in place on a terminal, one line per change elsewhere.
import { createLogUpdate } from 'log-update';
import type { Plan } from '../../plan/plan.ts';
import type { Status } from '../../session/session.ts';
import type { Terminal } from '../terminal.ts';
import { eventLine, linesOf, noLines, type Watched, withScope } from './lines.ts';
import { renderLive } from './live.ts';
import { oneLine, type Paint, painter } from './text.ts';

export interface View {
  show(item: Watched): void;
  /** A line of the command itself. */
  note(text: string): void;
  /** The same, and it stays in sight. */
  pin(text: string): void;
  /** Leaves the terminal as a program is expected to. */
  close(): void;
}

export type ViewOptions = {
  readonly terminal: Terminal;
  /** Problems only. */
  readonly quiet: boolean;
  /** Says how many nodes a fault touches. */
  readonly plan?: Plan;
};

export function openView({ terminal, quiet, plan }: ViewOptions): View {
  const paint = painter(terminal.color);
  if (quiet) return quietView(terminal, paint);
  const view = terminal.interactive ? liveView(paint) : lineView(terminal, paint);
  return {
    ...view,
    show: ({ event, status }) => {
      if (event !== undefined) view.show({ event: withScope(event, plan) });
      if (status !== undefined) view.show({ status });
    },
  };
}

function lineView(terminal: Terminal, paint: Paint): View {
  let memory = noLines;
  return {
    show: (item) => {
      const { lines, memory: next } = linesOf(item, memory, paint);
      memory = next;
      for (const line of lines) terminal.note(line);
    },
    note: (text) => terminal.note(text),
    pin: (text) => terminal.note(text),
    close: () => {},
  };
}

function quietView(terminal: Terminal, paint: Paint): View {
  return {
    show: ({ event }) => {
      if (event?.event === 'problem' || event?.event === 'error') {
        terminal.note(eventLine(event, paint));
      }
    },
    note: () => {},
    pin: (text) => terminal.note(text),
    close: () => {},
  };
}

const keptLines = 100;

function liveView(paint: Paint): View {
  const draw = createLogUpdate(process.stderr);
  const recent: string[] = [];
  let status: Status | undefined;
  let pinned = '';
  const keep = (line: string) => {
    recent.push(line);
    if (recent.length > keptLines) recent.shift();
  };
  const redraw = () => {
    const { columns, rows } = process.stderr;
    draw(renderLive(status, recent, { width: columns, height: rows, paint, pinned }));
  };
  process.stderr.on('resize', redraw);
  return {
    show: ({ event, status: newest }) => {
      if (newest !== undefined) status = newest;
      if (event !== undefined)
        keep(eventLine({ ...event, message: oneLine(event.message) }, paint));
      redraw();
    },
    note: (text) => {
      keep(`          ${oneLine(text)}`);
      redraw();
    },
    pin: (text) => {
      pinned = oneLine(text);
      redraw();
    },
    close: () => {
      process.stderr.off('resize', redraw);
      draw.clear();
      draw.done();
    },
  };
}
