import { parseTimestamp, type Kind } from '../../protocol/index.js';
import { overlaps, type Holder } from '../lease-view.js';
import type { MirrorRecord } from '../mirror.js';
import { asText } from './table.js';

/** What `top` needs of a mirror. */
export interface Standing {
  all<K extends Kind>(kind: K): MirrorRecord<K>[];
  leases(): Holder[];
}

/** An agent's work. `holding`: has a live lease; `lapsed`: has only leases that ran out unreleased; else `idle`. */
export interface AgentRow {
  readonly run: string;
  readonly branch: string;
  readonly state: 'holding' | 'lapsed' | 'idle';
  readonly leases: number;
  readonly addresses: number;
  /** Effective expiry of the first of its leases to end, Unix milliseconds. */
  readonly endsAt: number | undefined;
  /** The latest time that any of its records says, Unix milliseconds. */
  readonly seenAt: number | undefined;
  readonly doing: string;
}

/** An address that several hold, or that one holds and others have announced work on. */
export interface ContentionRow {
  readonly address: string;
  readonly holders: readonly string[];
  readonly wanted: readonly string[];
}

export interface TopState {
  readonly agents: readonly AgentRow[];
  /** The first to end first. */
  readonly leases: readonly Holder[];
  readonly contention: readonly ContentionRow[];
}

const AGENT_KINDS = ['reservation', 'intent', 'heartbeat', 'task', 'claim'] as const;
const STATE_ORDER: Readonly<Record<AgentRow['state'], number>> = { lapsed: 0, holding: 1, idle: 2 };

/** What stands now, as three lists. */
export function topState(standing: Standing): TopState {
  const leases = standing.leases();
  return { agents: agents(standing, leases), leases, contention: contention(standing, leases) };
}

interface Agent {
  branch: string;
  held: Holder[];
  hasLapsed: boolean;
  seenAt: number | undefined;
  doing: string;
}

function agents(standing: Standing, leases: readonly Holder[]): AgentRow[] {
  const found = new Map<string, Agent>();
  const agentOf = (run: unknown): Agent => {
    const name = typeof run === 'string' ? run : '?';
    const agent = found.get(name) ?? { branch: '', held: [], hasLapsed: false, seenAt: undefined, doing: '' };
    found.set(name, agent);
    return agent;
  };
  for (const kind of AGENT_KINDS) {
    for (const { data } of standing.all(kind)) {
      const agent = agentOf(data.run_id);
      agent.branch ||= asText(data.branch);
      agent.seenAt = latest(agent.seenAt, data.created_at, data['last_beat_at'], data['claimed_at']);
    }
  }
  const live = new Set(leases.map(({ reservation }) => reservation));
  const released = new Set(standing.all('release').map(({ data }) => data.reservation_id));
  for (const { id, data } of standing.all('reservation')) {
    if (!live.has(id) && !released.has(data.reservation_id ?? id)) agentOf(data.run_id).hasLapsed = true;
  }
  for (const lease of leases) agentOf(lease.run_id).held.push(lease);
  for (const { data } of standing.all('intent')) {
    const agent = agentOf(data.run_id);
    if (agent.held.length > 0) agent.doing = asText(data.detail ?? data.operation);
  }
  return [...found]
    .map(([run, agent]) => agentRow(run, agent))
    .sort((a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || (a.run < b.run ? -1 : 1));
}

function agentRow(run: string, { branch, held, hasLapsed, seenAt, doing }: Agent): AgentRow {
  return {
    run,
    branch,
    state: held.length > 0 ? 'holding' : hasLapsed ? 'lapsed' : 'idle',
    leases: held.length,
    addresses: new Set(held.flatMap(({ addresses }) => addresses)).size,
    endsAt: parseTimestamp(held[0]?.expires_at),
    seenAt,
    doing,
  };
}

function latest(before: number | undefined, ...texts: readonly unknown[]): number | undefined {
  const times = [before, ...texts.map(parseTimestamp)].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

function contention(standing: Standing, leases: readonly Holder[]): ContentionRow[] {
  const byFile = new Map<string, { readonly address: string; readonly run: string }[]>();
  for (const { addresses, run_id: run = '?' } of leases) {
    for (const address of addresses) append(byFile, fileOf(address), { address, run });
  }
  const holdersOf = (address: string): Set<string> => {
    const near = byFile.get(fileOf(address)) ?? [];
    return new Set(near.filter((held) => overlaps(held.address, address)).map(({ run }) => run));
  };
  const wanted = new Map<string, Set<string>>();
  for (const { data } of standing.all('intent')) {
    const addresses: readonly unknown[] = Array.isArray(data.addresses) ? data.addresses : [];
    for (const address of addresses) {
      if (typeof address !== 'string' || typeof data.run_id !== 'string') continue;
      const holders = holdersOf(address);
      // An intent outlives the lease that it was announced with: only against somebody else's does it wait.
      if (holders.size > 0 && !holders.has(data.run_id)) add(wanted, address, data.run_id);
    }
  }
  const held = leases.flatMap(({ addresses }) => addresses);
  return [...new Set([...held, ...wanted.keys()])]
    .map((address) => ({ address, holders: [...holdersOf(address)], wanted: [...(wanted.get(address) ?? [])] }))
    .filter(({ holders, wanted }) => holders.length > 1 || wanted.length > 0)
    .sort((a, b) => b.holders.length + b.wanted.length - a.holders.length - a.wanted.length);
}

const fileOf = (address: string): string => address.split('::', 1)[0]!;

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}
