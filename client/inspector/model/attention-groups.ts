import { formatCount } from './format.js';
import type { Attention, Subject } from './matter.js';
import type { Severity } from './severity.js';

/** Matters that are shown together: a single one, or many about the same. */
export interface AttentionGroup {
  readonly key: string;
  readonly severity: Severity;
  /** What all of them are, with their number; the text of the matter if it is only one. */
  readonly title: string;
  /** What the most urgent ones are about, so that the line says it before it is opened. */
  readonly subjects: readonly string[];
  readonly count: number;
  /** The most urgent ones. */
  readonly matters: readonly Attention[];
}

/** Fewer matters than this about the same are shown one by one. */
const MIN_GROUP = 3;
/** The most matters of a group that are listed. Its number counts all of them. */
export const MAX_LISTED = 20;
/** More would not fit into a line. */
const MAX_SUBJECTS = 6;

const TITLES: Readonly<Record<Subject, string>> = {
  collision: 'collisions: held by several runs on one branch',
  'operation conflict': 'operation conflicts: one run deletes what another changes',
  'merge risk': 'merge risks: held on several branches',
  'silent holder': 'silent agents hold leases',
  lapsing: 'leases are about to lapse, heartbeats overdue',
  lapsed: 'leases lapsed and were never released',
  intent: 'intents without a lease',
  cycle: 'cycles of dependencies',
  problem: 'records have problems',
  watch: 'problems of the watcher',
  client: 'clients do not keep up',
};

/** Groups matters about the same and of one severity. A group takes the place of its most urgent matter. */
export function groupAttention(attention: readonly Attention[]): AttentionGroup[] {
  const byTitle = new Map<string, Attention[]>();
  for (const matter of attention) {
    const key = `${matter.severity} ${matter.about}`;
    const group = byTitle.get(key);
    if (group) group.push(matter);
    else byTitle.set(key, [matter]);
  }
  return [...byTitle].flatMap(([key, matters]) =>
    matters.length < MIN_GROUP
      ? matters.map(single)
      : [
          {
            key,
            severity: matters[0]!.severity,
            title: `${formatCount(matters.length)} ${TITLES[matters[0]!.about]}`,
            subjects: [...new Set(matters.map(({ subject }) => subject))].slice(0, MAX_SUBJECTS),
            count: matters.length,
            matters: matters.slice(0, MAX_LISTED),
          },
        ],
  );
}

const single = (matter: Attention): AttentionGroup => ({
  key: matter.key,
  severity: matter.severity,
  title: matter.text,
  subjects: [matter.subject],
  count: 1,
  matters: [matter],
});
