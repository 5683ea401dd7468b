import type { Colors } from 'picocolors/types.js';
import type { BusEvent, EventType } from '../../protocol/index.js';
import { printable } from './printable.js';

/** One character for each type of event, as the original has them. */
export const ICONS: Readonly<Record<EventType, string>> = {
  snapshot: '·',
  added: '+',
  modified: '~',
  removed: '-',
  expired: '!',
};

const COLOURS: Readonly<Record<EventType, 'dim' | 'green' | 'yellow' | 'red' | 'magenta'>> = {
  snapshot: 'dim',
  added: 'green',
  modified: 'yellow',
  removed: 'red',
  expired: 'magenta',
};

const KIND_WIDTH = 12;
const AGENT_WIDTH = 32;
const ADDRESSES_SHOWN = 3;

/** One line for one event: icon, kind, agent, whole id, and what matters for the kind. */
export function eventLine(event: BusEvent, colours: Colors): string {
  const head = `${ICONS[event.event_type]} ${event.kind.padEnd(KIND_WIDTH)}`;
  const coloured = colours[COLOURS[event.event_type]](head);
  const rest = Object.keys(event.data).length === 0 ? printable(event.id) : describe(event);
  const problem = event.problem === undefined ? '' : `  (${event.problem})`;
  return `${coloured} ${rest}${problem}`.trimEnd();
}

function describe(event: BusEvent): string {
  const id = printable(event.id);
  const line = (agent: string, detail = '') =>
    `${agent.padEnd(AGENT_WIDTH)} ${id}${detail === '' ? '' : `  ${detail}`}`;
  const run = printable(event.data.run_id ?? '?');
  switch (event.kind) {
    case 'reservation':
      return line(agentOf(event), `[${addresses(event)}]`);
    case 'intent':
      return line(agentOf(event), `${printable(event.data.operation ?? '?')} ${addresses(event, 1) || '?'}`);
    case 'release':
      return line(run, `${printable(event.data.reason ?? '?')} (res: ${printable(event.data.reservation_id)})`);
    case 'heartbeat': {
      const { extended_expires_at, reservation_id } = event.data;
      return line(run, `extends to ${printable(extended_expires_at ?? '?')} (res: ${printable(reservation_id)})`);
    }
    case 'task':
      return line(agentOf(event), printable(event.data.title));
    case 'claim':
      return line(agentOf(event), event.data.task_id === undefined ? '' : `task ${printable(event.data.task_id)}`);
    case 'dependency':
      return line(agentOf(event), event.data.depends_on === undefined ? '' : `on ${printable(event.data.depends_on)}`);
  }
}

function agentOf({ data }: BusEvent): string {
  const run = printable(data.run_id ?? '?');
  const branch = printable(data.branch);
  return branch === '' ? run : `${run}@${branch}`;
}

function addresses({ data }: BusEvent, most = ADDRESSES_SHOWN): string {
  // Agents write what they like: what the type says is an array need not be one.
  const all: readonly unknown[] = Array.isArray(data.addresses) ? data.addresses : [];
  const shown = all.slice(0, most).map(printable).join(', ');
  const more = most === ADDRESSES_SHOWN && all.length > most ? ` +${String(all.length - most)} more` : '';
  return shown + more;
}
