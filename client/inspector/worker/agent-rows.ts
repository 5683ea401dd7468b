import type { Agent } from '../model/agents.js';
import { isHeld, type Lease } from '../model/lease.js';
import type { Query } from '../model/query.js';
import type { AgentGrouping, AgentSort, Look } from './messages.js';
import type { AgentRow, LeaseCell } from './paint.js';
import { isContested, matchesAgent, type Picture } from './picture.js';

const MAX_LEASES = 3;

/** The agents that pass, sorted, with a heading before each group. */
export function agentRows(
  picture: Picture,
  query: Query,
  { sort, grouping }: Pick<Look, 'sort' | 'grouping'>,
): AgentRow[] {
  const compare = COMPARISONS[sort.by];
  const turn = sort.descending ? -1 : 1;
  const agents = picture.agents
    .filter((agent) => matchesAgent(query, agent))
    .sort((a, b) => turn * compare(a, b, picture) || (a.run < b.run ? -1 : 1));
  const row = (agent: Agent): AgentRow => agentRow(agent, picture);
  if (grouping === 'none') return agents.map(row);
  const groups = new Map<string, Agent[]>();
  for (const agent of agents) {
    const label = GROUP_LABELS[grouping](agent);
    const group = groups.get(label);
    if (group) group.push(agent);
    else groups.set(label, [agent]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([label, group]) => [{ row: 'group', label, count: group.length } as const, ...group.map(row)]);
}

export function agentRow(agent: Agent, picture: Picture): Extract<AgentRow, { row: 'agent' }> {
  const { run, branch, presence, silentMs, sinceBeatMs, leases, intent, activity } = agent;
  const shown = leases.filter(({ state }) => state !== 'released');
  return {
    row: 'agent',
    run,
    branch,
    presence,
    silentMs,
    sinceBeatMs,
    leases: shown.slice(0, MAX_LEASES).map((lease) => leaseCell(lease, picture)),
    moreLeases: Math.max(0, shown.length - MAX_LEASES),
    intent: isHeldAny(shown) ? intent : undefined,
    activity,
  };
}

const isHeldAny = (leases: readonly Lease[]): boolean => leases.some(isHeld);

function leaseCell(lease: Lease, picture: Picture): LeaseCell {
  const { key, state, addresses, endMs, renewedMs } = lease;
  const leftMs = endMs === undefined ? undefined : endMs - picture.nowMs;
  return {
    key,
    state,
    address: addresses[0] ?? '',
    more: Math.max(0, addresses.length - 1),
    leftMs,
    share: leftMs === undefined ? 1 : Math.max(0, Math.min(1, leftMs / Math.max(1, endMs! - renewedMs))),
    isContested: isContested(picture, lease),
  };
}

const GROUP_LABELS: Readonly<Record<Exclude<AgentGrouping, 'none'>, (agent: Agent) => string>> = {
  branch: ({ branch }) => branch || 'no branch',
  presence: ({ presence }) => presence,
};

type Compare = (a: Agent, b: Agent, picture: Picture) => number;

const COMPARISONS: Readonly<Record<AgentSort, Compare>> = {
  attention: (a, b, picture) => urgency(b, picture) - urgency(a, picture) || endOf(a) - endOf(b),
  run: () => 0,
  branch: (a, b) => (a.branch === b.branch ? 0 : a.branch < b.branch ? -1 : 1),
  leases: (a, b) => heldBy(a) - heldBy(b),
  ends: (a, b) => endOf(a) - endOf(b),
  beat: (a, b) => (a.sinceBeatMs ?? Infinity) - (b.sinceBeatMs ?? Infinity),
};

/** Contested first, then who is silent while holding something, then who holds, then the rest. */
function urgency(agent: Agent, picture: Picture): number {
  if (agent.leases.some((lease) => isContested(picture, lease))) return 3;
  const holds = agent.leases.some(isHeld);
  if (holds && agent.presence !== 'live') return 2;
  return holds ? 1 : 0;
}

const heldBy = ({ leases }: Agent): number => leases.filter(isHeld).length;
const endOf = ({ leases }: Agent): number => leases.find(isHeld)?.endMs ?? Infinity;
