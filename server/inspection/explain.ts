import {
  kindIndex,
  type ExplainCode,
  type ExplainQuestion,
  type ExplainReason,
  type Explanation,
  type Filter,
  type Kind,
  type Matcher,
  type Revision,
  type Verdict,
} from '../../protocol/index.js';
import type { History } from '../store/history.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { RecordVersion } from '../store/record-version.js';
import type { StoreEvent } from '../store/store-event.js';
import { failures, listed } from './explain-filter.js';
import type { SubscriptionProgress } from '../delivery/progress.js';

/** The records and the history of a stream; a hub is one. */
export interface StreamState {
  readonly store: CurrentRecords;
  readonly history: History;
  readonly revision: Revision;
}

/** The subject of a question: an event that history holds, or the current record if history no longer holds the event. */
type Subject =
  | { readonly is: 'event'; readonly event: StoreEvent }
  | { readonly is: 'state'; readonly version: RecordVersion }
  | { readonly is: 'nothing'; readonly why: ExplainReason };

const because = (code: ExplainCode, text: string): ExplainReason => ({ code, text });

/** Explains whether a filter matches the event in question: the one of a revision, or else the record's last one. */
export function explainFilter(
  known: StreamState,
  filter: Filter,
  matcher: Matcher,
  question: ExplainQuestion,
): Explanation {
  const subject = subjectOf(known, question);
  if (subject.is === 'nothing') return { verdict: 'unknown', reasons: [subject.why] };
  const { matches, reasons } = matchSubject(subject, filter, matcher);
  return { verdict: matches ? 'would match' : 'would not match', reasons, revision: revisionOf(subject) };
}

/** Explains whether an event was delivered to a subscription. */
export function explainDelivery(
  known: StreamState,
  served: SubscriptionProgress,
  question: ExplainQuestion,
): Explanation {
  const subject = subjectOf(known, question);
  const context = {
    ...(served.ended === undefined ? {} : { ended: served.ended }),
    ...(served.beginning.resync === undefined ? {} : { resync: served.beginning.resync }),
  };
  if (subject.is === 'nothing') return { verdict: 'unknown', reasons: [subject.why], ...context };
  const revision = revisionOf(subject);
  const { matches, reasons } = matchSubject(subject, served.filter, served.matcher);
  const isBefore = revision <= served.beginning.from;
  // A snapshot shows a state, not an event. So the record must match, and the filter must accept snapshot events.
  const wanted = isBefore ? matches || couldShow(subject, served) : matches;
  if (!wanted) return { verdict: 'not delivered', reasons, revision, ...context };
  const { verdict, reason } = isBefore ? placeBefore(known, subject, served) : placeAfter(revision, served);
  return { verdict, reasons: [...(matches ? reasons : []), reason], revision, ...context };
}

// ── the subject ─────────────────────────────────────────────────────────────────────────────────────────────────────

function subjectOf({ store, history, revision: now }: StreamState, { record, revision }: ExplainQuestion): Subject {
  if (revision !== undefined) return at(history, store, now, revision, record);
  const { kind, id } = record!;
  const event = lastTransition(history, kind, id, history.newest);
  if (event) return { is: 'event', event };
  const version = store.get(kind, id);
  if (version) return { is: 'state', version };
  return nothing(
    'no-such-record',
    `there is no ${kind} ${id}, and history (after revision ${history.base}) has no event of it`,
  );
}

function at(
  history: History,
  store: CurrentRecords,
  now: Revision,
  revision: number,
  record: ExplainQuestion['record'],
): Subject {
  if (revision > now) return nothing('not-yet', `there is no revision ${revision} yet; the last one is ${now}`);
  if (revision <= history.base) {
    const version = record && store.get(record.kind, record.id);
    if (version?.revision === revision) return { is: 'state', version };
    return nothing(
      'compacted',
      `history begins after revision ${history.base}; it no longer holds revision ${revision}`,
    );
  }
  const event = history.find(revision);
  if (!event) {
    const text = `revision ${revision} was lost when the server was killed: what it had changed has been found again since`;
    return nothing('compacted', text);
  }
  const { kind, id } = event.record;
  if (record && (record.kind !== kind || record.id !== id)) {
    return nothing('other-record', `revision ${revision} is of ${kind} ${id}`);
  }
  return { is: 'event', event };
}

const nothing = (code: ExplainCode, text: string): Subject => ({ is: 'nothing', why: because(code, text) });

const revisionOf = (subject: Exclude<Subject, { is: 'nothing' }>): Revision =>
  subject.is === 'event' ? subject.event.revision : subject.version.revision;

function lastTransition(history: History, kind: Kind, id: string, until: number): StoreEvent | undefined {
  for (let revision = until; revision > history.base; revision--) {
    const event = history.find(revision);
    if (event?.record.id === id && event.record.kind === kind) return event;
  }
  return undefined;
}

// ── the filter ──────────────────────────────────────────────────────────────────────────────────────────────────────

interface SubjectMatch {
  readonly matches: boolean;
  readonly reasons: readonly ExplainReason[];
}

function matchSubject(subject: Exclude<Subject, { is: 'nothing' }>, filter: Filter, matcher: Matcher): SubjectMatch {
  if (subject.is === 'state') {
    const reasons = failures(filter, matcher, subject.version.matchable);
    if (reasons.length > 0) return { matches: false, reasons };
    return { matches: true, reasons: [because('matched', 'the record matches every field of the filter')] };
  }
  const { event } = subject;
  const view = event.viewFor(matcher);
  const type = event.type;
  switch (view) {
    case 'plain':
      return { matches: true, reasons: [because('matched', `the filter matches this ${type}`)] };
    case 'entered':
      return {
        matches: true,
        reasons: [because('entered-filter', 'the change brought the record into the filter: it arrives as added')],
      };
    case 'left':
      return {
        matches: true,
        reasons: [
          because('left-filter', 'the change took the record out of the filter: it leaves as removed, left-filter'),
          ...failures(filter, matcher, event.record.matchable),
        ],
      };
    case 'unproven':
      return {
        matches: true,
        reasons: [because('matched', `the filter could not be applied to this record: it is sent as unprocessable`)],
      };
    case undefined: {
      const reasons = failures(filter, matcher, event.record.matchable);
      return { matches: false, reasons: reasons.length > 0 ? reasons : [unwantedType(event, filter, matcher)] };
    }
  }
}

/** The record matches, but the filter does not ask for this type of event. */
function unwantedType({ type, before }: StoreEvent, filter: Filter, matcher: Matcher): ExplainReason {
  const entered = type === 'modified' && before !== undefined && !matcher.matches(before.matchable);
  const seen = entered ? 'added' : type;
  const wanted = filter.event_types ?? [];
  const text = `event_types asks for ${listed(wanted)}; this is ${seen}`;
  return { code: 'filter-field', text, field: 'event_types', wanted, found: [seen] };
}

// ── the place in the stream ─────────────────────────────────────────────────────────────────────────────────────────

interface Placed {
  readonly verdict: Verdict;
  readonly reason: ExplainReason;
}

/** The state of the record after the event. */
const standsAfter = (subject: Exclude<Subject, { is: 'nothing' }>): RecordVersion | undefined =>
  subject.is === 'event' ? subject.event.after : subject.version;

/** Whether a snapshot may have shown the state after the event, although the filter does not match the event itself. */
function couldShow(
  subject: Exclude<Subject, { is: 'nothing' }>,
  { beginning, matcher }: SubscriptionProgress,
): boolean {
  const after = standsAfter(subject);
  return (
    beginning.by === 'snapshot' && matcher.wants('snapshot') && after !== undefined && matcher.matches(after.matchable)
  );
}

function placeBefore(
  known: StreamState,
  subject: Exclude<Subject, { is: 'nothing' }>,
  served: SubscriptionProgress,
): Placed {
  const { beginning, matcher } = served;
  const after = standsAfter(subject);
  const start = `${served.beginning.resync === undefined ? 'began' : 'began again'} at revision ${beginning.from}`;
  const missed = (text: string): Placed => {
    const lost = beginning.resync === undefined ? 'before-subscription' : 'resync';
    return { verdict: 'not delivered', reason: because(lost, text) };
  };
  if (beginning.by === 'replay') return missed(`the subscription ${start}, after this event, and without a snapshot`);
  if (after === undefined) return missed(`the record was removed before the subscription ${start}`);
  const replaced = nextTransition(known.history, subject, beginning.from);
  if (replaced) return missed(`the subscription ${start}; by then revision ${replaced.revision} had replaced it`);
  if (!matcher.wants('snapshot'))
    return missed(`the subscription ${start}, and its filter asks for no snapshot events`);
  return placeInSnapshot(after, served);
}

/** Returns the last event that changed the record after the subject and before the cut of the snapshot. */
function nextTransition(
  history: History,
  subject: Exclude<Subject, { is: 'nothing' }>,
  until: Revision,
): StoreEvent | undefined {
  const of = subject.is === 'event' ? subject.event.record : subject.version;
  const last = lastTransition(history, of.kind, of.id, Math.min(until, history.newest));
  // An expiry replaces no state: the record itself does not change.
  return last && last.revision > revisionOf(subject) && last.after !== standsAfter(subject) ? last : undefined;
}

function placeInSnapshot(
  version: RecordVersion,
  { progress, ended, maxEvents, beginning }: SubscriptionProgress,
): Placed {
  const isSent = progress.at !== 'snapshot' || (progress.last !== undefined && !comesAfter(version, progress.last));
  if (isSent) {
    const text = `the snapshot at revision ${beginning.from} contained the record in this state`;
    return { verdict: 'delivered', reason: because('in-snapshot', text) };
  }
  if (ended !== undefined) return { verdict: 'not delivered', reason: endOf(ended, maxEvents) };
  const text = `the snapshot at revision ${beginning.from} is being sent and has not reached this record`;
  return { verdict: 'pending', reason: because('snapshot-under-way', text) };
}

/** Whether `a` comes after `b` in canonical order. */
function comesAfter(a: RecordVersion, b: RecordVersion): boolean {
  return a.kind === b.kind ? a.id > b.id : kindIndex(a.kind) > kindIndex(b.kind);
}

function placeAfter(revision: Revision, { progress, ended, maxEvents, queuedBytes }: SubscriptionProgress): Placed {
  if (progress.at !== 'snapshot' && revision <= progress.until) {
    return {
      verdict: 'delivered',
      reason: because('matched', `it was sent; so was everything up to ${progress.until}`),
    };
  }
  if (ended !== undefined) return { verdict: 'not delivered', reason: endOf(ended, maxEvents) };
  const pending = (code: ExplainCode, text: string): Placed => ({ verdict: 'pending', reason: because(code, text) });
  switch (progress.at) {
    case 'snapshot':
      return pending('snapshot-under-way', 'it follows the snapshot, which is still being sent');
    case 'replay':
      return pending('replay-under-way', `the replay from its cursor has been sent up to revision ${progress.until}`);
    case 'lagging':
      return pending(
        'lagging',
        `${waitsFor(queuedBytes)}: sent up to revision ${progress.until}, the rest will follow`,
      );
    case 'live':
      return pending('not-yet', `it is being published; everything up to revision ${progress.until} has been sent`);
  }
}

function waitsFor(queuedBytes: number | undefined): string {
  if (queuedBytes === undefined) return 'the subscription is behind and catches up';
  if (queuedBytes > 0) return `the subscription waits for its socket (${queuedBytes} bytes are queued)`;
  return 'the subscription waits for its socket although the queue is empty (a fault, counted by stalls_total if it lasts)';
}

function endOf(ended: NonNullable<SubscriptionProgress['ended']>, maxEvents: number): ExplainReason {
  switch (ended) {
    case 'max_events':
      return because('cap-reached', `the subscription had already received the ${maxEvents} events of its max_events`);
    case 'unsubscribed':
      return because('unsubscribed', 'the client had ended the subscription');
    case 'shutdown':
      return because('unsubscribed', 'the server had ended the subscription to shut down');
  }
}
