import {
  addressTexts,
  fieldProblems,
  isOfContent,
  recordProblems,
  type BusEvent,
  type EventType,
} from '../../../protocol/index.js';
import { asText } from './table.js';
import { line, paint, TerminalText, type Style } from './terminal-text.js';

/** One character for each event type, as in `muse coord watch`, which has no revivals. */
const ICONS: Readonly<Record<EventType, string>> = {
  snapshot: '·',
  added: '+',
  modified: '~',
  removed: '-',
  expired: '!',
  revived: '*',
};

const STYLES: Readonly<Record<EventType, Style>> = {
  snapshot: 'dim',
  added: 'green',
  modified: 'yellow',
  removed: 'red',
  expired: 'magenta',
  revived: 'green',
};

const KIND_WIDTH = 12;
const AGENT_WIDTH = 32;
const ADDRESSES_SHOWN = 3;

/** How a time of a record is printed. @default as the record says it */
type TimeOf = (value: unknown) => unknown;

/** One line for one event: icon, kind, agent, id, and the details of its kind. */
export function eventLine(event: BusEvent, timeOf: TimeOf = (value) => value): TerminalText {
  const head = `${ICONS[event.event_type]} ${event.kind.padEnd(KIND_WIDTH)}`;
  const colored = paint[STYLES[event.event_type]](head);
  const rest = Object.keys(event.data).length === 0 ? event.id : describe(event, timeOf);
  const problem = event.event_type === 'removed' ? '' : problemText(event);
  return line`${colored} ${rest}${problem === '' ? '' : `  (${problem})`}`.trimEnd();
}

/** The problems of a record, for people: the code, then each invalid field, its value and what it should be. */
export function problemText(event: BusEvent): string {
  const { problem } = event;
  const said = recordProblems(event).join('; ');
  if (problem === undefined || !isOfContent(problem)) return said;
  return `${problem}: ${said}`;
}

/** The event for programs, with its invalid fields if there are any. */
export function eventForPrograms(event: BusEvent): object {
  if (event.event_type === 'removed') return event;
  const problems = fieldProblems(event);
  return problems.length === 0 ? event : { ...event, problems };
}

function describe(event: BusEvent, timeOf: TimeOf): TerminalText {
  const [agent, detail] = parts(event, timeOf);
  return line`${TerminalText.of(agent).padEnd(AGENT_WIDTH)} ${event.id}${detail === '' ? '' : `  ${detail}`}`;
}

/** The agent of a record, and the details of its kind. */
function parts(event: BusEvent, timeOf: TimeOf): readonly [agent: string, detail: string] {
  const run = asText(event.data.run_id ?? '?');
  switch (event.kind) {
    case 'reservation':
      return [agentOf(event), `[${addresses(event)}]`];
    case 'intent':
      return [agentOf(event), `${asText(event.data.operation ?? '?')} ${addresses(event, 1) || '?'}`];
    case 'release':
      return [run, `${asText(event.data.reason ?? '?')} (res: ${asText(event.data.reservation_id)})`];
    case 'heartbeat': {
      const { extended_expires_at, reservation_id } = event.data;
      const until = `extends to ${asText(timeOf(extended_expires_at) ?? '?')}`;
      // Muse names the file of a heartbeat after its reservation, so the id already says it.
      return [run, reservation_id === event.id ? until : `${until} (res: ${asText(reservation_id)})`];
    }
    case 'task':
      return [agentOf(event), asText(event.data.title)];
    case 'claim':
      return [agentOf(event), event.data.task_id === undefined ? '' : `task ${asText(event.data.task_id)}`];
    case 'dependency':
      return [agentOf(event), event.data.depends_on === undefined ? '' : `on ${asText(event.data.depends_on)}`];
  }
}

function agentOf({ data }: BusEvent): string {
  const run = asText(data.run_id ?? '?');
  const branch = asText(data.branch);
  return branch === '' ? run : `${run}@${branch}`;
}

function addresses({ data }: BusEvent, most = ADDRESSES_SHOWN): string {
  // Agents may write anything; what names no address is among the problems of the record.
  const all = addressTexts(data);
  const shown = all.slice(0, most).join(', ');
  const more = most === ADDRESSES_SHOWN && all.length > most ? ` +${String(all.length - most)} more` : '';
  return shown + more;
}
