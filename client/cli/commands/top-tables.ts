import type { QuerySubject } from '../../../protocol/index.js';
import { cellText } from '../terminal/table.js';
import type { TimeStyle } from '../terminal/time-text.js';
import { timeLeft, UNKNOWN_RUN } from './holders.js';
import { millis, section, TopTimes, type TopSection } from './top-sections.js';
import type { TopState } from './top-state.js';

/** The tables of the state. @param now on the server's clock, Unix milliseconds. @param time how details say times. */
export function topSections(state: TopState, now: number, time: TimeStyle = 'utc'): TopSection[] {
  const texts = new TopTimes(now, time);
  return [
    waits(state, texts),
    contention(state),
    agents(state, texts),
    leases(state, texts),
    queue(state),
    problems(state),
  ].filter(({ isUsual, rows }) => isUsual || rows.length > 0);
}

const subject = (run: string | null | undefined, more: QuerySubject['data'] = {}, id?: string): QuerySubject => ({
  id,
  data: { ...(run === null || run === undefined ? {} : { run_id: run }), ...more },
});

/** A part of the details, if there is anything to say. */
const fact = (name: string, value: unknown): string[] => {
  const text = cellText(value);
  return text === '' ? [] : [`${name} ${text}`];
};

function waits({ waits }: TopState, times: TopTimes): TopSection {
  return section(
    'WAITS',
    false,
    [
      ['RUN', ({ run_id }) => run_id ?? UNKNOWN_RUN],
      ['WAITS FOR', ({ wanted }) => wanted],
      ['HELD BY', ({ for: holder }) => holder ?? UNKNOWN_RUN],
      ['SINCE', ({ waiting_since }) => times.since(waiting_since)],
      ['ENDS IN', ({ ends_at }) => times.left(ends_at), 1],
      ['STATE', ({ state, same_branch }) => (state === 'waiting' && !same_branch ? 'other branch' : state), 2],
    ],
    waits,
    (wait) => ({
      key: `${wait.record}\n${wait.wanted}\n${wait.blocked_by}`,
      style: wait.state === 'deadlock' ? 'red' : wait.state === 'silent' || wait.same_branch ? 'yellow' : undefined,
      subjects: [wait.run_id, wait.for].map((run) =>
        subject(
          run,
          { ...(wait.branch === null ? {} : { branch: wait.branch }), addresses: [wait.wanted] },
          wait.record,
        ),
      ),
      details: () => [
        `${wait.run_id ?? UNKNOWN_RUN} → ${wait.wanted} ← ${wait.for ?? UNKNOWN_RUN}`,
        `waiting ${times.since(wait.waiting_since)}`,
        wait.by === 'intent' ? `until ${times.both(wait.ends_at)}` : 'until the task is done',
        ...(wait.by === 'intent'
          ? [wait.last_beat_at === null ? 'no heartbeat' : `last heartbeat ${times.ago(wait.last_beat_at)}`]
          : []),
        ...(wait.state === 'deadlock' ? ['deadlock: they wait for one another'] : []),
        ...(wait.state === 'silent' ? ['the holder is silent'] : []),
        ...(wait.same_branch ? [] : ['other branch: matters only at a merge']),
        `${wait.by === 'intent' ? 'intent' : 'task'} ${wait.record}`,
        `blocked by ${wait.blocked_by}`,
      ],
      run: wait.run_id ?? '',
      endsMs: millis(wait.ends_at),
      seenMs: millis(wait.waiting_since),
    }),
  );
}

function contention({ contention }: TopState): TopSection {
  return section(
    'CONTENTION',
    true,
    [
      ['ADDRESS', ({ address }) => address],
      ['WHAT', ({ what }) => what.replace('-', ' ')],
      ['HELD BY', ({ holders }) => holders],
      ['WANTED BY', ({ wanted }) => wanted],
    ],
    contention,
    ({ address, what, holders, wanted }) => ({
      key: address,
      style: what === 'collision' || what === 'operation-conflict' ? 'red' : 'yellow',
      // With a conflict of operations a run has its operation behind it. A run's own name may end in parentheses too.
      subjects: [...holders, ...wanted.flatMap((run) => [run, run.replace(/ \([^)]*\)$/, '')])].map((run) =>
        subject(run, { addresses: [address] }),
      ),
      details: () => [
        `${address}: ${what.replace('-', ' ')}`,
        ...fact('held by', holders),
        ...fact('wanted by', wanted),
      ],
      run: holders[0] ?? wanted[0] ?? '',
    }),
  );
}

function agents({ agents, leases }: TopState, times: TopTimes): TopSection {
  const addressesOf = new Map<string, string[]>();
  for (const { run_id, addresses } of leases) {
    const run = run_id ?? UNKNOWN_RUN;
    addressesOf.set(run, [...(addressesOf.get(run) ?? []), ...addresses]);
  }
  const styles = { holding: undefined, suspect: 'yellow', lapsed: 'magenta', idle: 'dim' } as const;
  return section(
    'AGENTS',
    true,
    [
      ['RUN', ({ run_id }) => run_id],
      ['BRANCH', ({ branch }) => branch, 2],
      ['STATE', ({ state }) => state],
      ['LEASES', ({ leases }) => leases, 4],
      ['SYMBOLS', ({ addresses }) => addresses, 5],
      ['ENDS IN', ({ ends_at }) => times.left(ends_at)],
      ['SEEN', ({ seen_at }) => times.ago(seen_at), 3],
      ['DOING', ({ doing }) => doing, 1],
    ],
    agents,
    (agent) => ({
      key: agent.run_id,
      style: styles[agent.state],
      subjects: [
        subject(agent.run_id, {
          branch: agent.branch,
          addresses: addressesOf.get(agent.run_id) ?? [],
          detail: agent.doing,
        }),
      ],
      details: () =>
        [
          `${agent.run_id}: ${agent.state}`,
          ...fact('on', agent.branch),
          ...fact('', agent.doing),
          ...fact('holds', addressesOf.get(agent.run_id)),
          ...(agent.ends_at === null ? [] : [`first lease ends ${times.both(agent.ends_at)}`]),
          `seen ${times.both(agent.seen_at)}`,
        ].map((text) => text.trim()),
      run: agent.run_id,
      endsMs: millis(agent.ends_at),
      seenMs: millis(agent.seen_at),
    }),
  );
}

/** A lease that ends within this time is highlighted. */
const SOON_MS = 10_000;

function leases({ leases }: TopState, times: TopTimes): TopSection {
  return section(
    'LEASES',
    true,
    [
      ['ENDS IN', (lease) => timeLeft(lease, times.now)],
      ['RUN', ({ run_id }) => run_id ?? UNKNOWN_RUN],
      ['BRANCH', ({ branch }) => branch, 2],
      ['ADDRESSES', ({ addresses }) => addresses],
    ],
    leases,
    (lease) => {
      const endsMs = millis(lease.effective_expires_at);
      return {
        key: lease.reservation,
        style: endsMs !== undefined && endsMs - times.now < SOON_MS ? 'yellow' : undefined,
        subjects: [
          subject(
            lease.run_id,
            { ...(lease.branch === null ? {} : { branch: lease.branch }), addresses: lease.addresses },
            lease.reservation,
          ),
        ],
        details: () => [
          `${lease.run_id ?? UNKNOWN_RUN} holds ${cellText(lease.addresses)}`,
          ...fact('on', lease.branch),
          ...fact('to', lease.operation),
          `${lease.state}, ends ${times.both(lease.effective_expires_at)}`,
          ...fact('extended by', lease.extended_by),
          `reservation ${lease.reservation}`,
        ],
        run: lease.run_id ?? '',
        endsMs,
      };
    },
  );
}

function queue({ queue }: TopState): TopSection {
  return section(
    'QUEUE',
    false,
    [
      ['TASK', ({ task }) => task],
      ['STATE', ({ state, waits_for }) => (state === 'pending' && waits_for.length > 0 ? 'blocked' : state)],
      ['PRIORITY', ({ priority }) => priority, 4],
      ['QUEUE', ({ queue }) => queue, 3],
      ['CLAIMED BY', ({ claimed_by }) => claimed_by, 2],
      ['TITLE', ({ title }) => title, 1],
    ],
    queue,
    ({ task, state, priority, queue, claimed_by, title, waits_for }) => ({
      key: task,
      style: state === 'failed' ? 'red' : undefined,
      subjects: [subject(claimed_by, { title: title ?? '' }, task)],
      details: () =>
        [
          `task ${task}: ${state}`,
          ...fact('', title),
          ...fact('priority', priority),
          ...fact('queue', queue),
          ...fact('claimed by', claimed_by),
          ...fact('waits for', waits_for),
        ].map((text) => text.trim()),
      run: claimed_by ?? '',
    }),
  );
}

function problems({ problems }: TopState): TopSection {
  return section(
    'PROBLEMS',
    false,
    [
      ['RECORD', ({ kind, id }) => `${kind} ${id}`],
      ['WHAT IS WRONG', ({ problems }) => problems.join('; ')],
    ],
    problems,
    ({ kind, id, problems }) => ({
      key: `${kind}\n${id}`,
      style: 'yellow',
      subjects: [subject(undefined, {}, id)],
      details: () => [`${kind} ${id}`, ...problems],
      run: '',
    }),
  );
}
