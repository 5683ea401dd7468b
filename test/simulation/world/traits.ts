import { CLIENT_KINDS, FAULT_KINDS, mechanismOf, type FaultKind, type LifePlan } from './plan.js';
import { RELAY_FAULT_KINDS, type RelayFaultKind } from './relay-plan.js';

/** What else of a world may decide whether a life can show something. */
const CIRCUMSTANCES = [
  'no relay',
  'journal',
  'short history',
  'small queue',
  'small buffers',
  'questions',
  'prompt hints',
  'killed on a slow disk',
  'deleted while cut off',
  'signed',
  'small payload',
  'loose writers',
  'loose questions',
] as const;

/** A fault of the world or of the relay in it, or another property of a life. */
export type WorldTrait = FaultKind | RelayFaultKind | (typeof CIRCUMSTANCES)[number];
export const WORLD_TRAITS: readonly WorldTrait[] = [...FAULT_KINDS, ...RELAY_FAULT_KINDS, ...CIRCUMSTANCES];

const SHORT_HISTORY = 20;
const SMALL_QUEUE_BYTES = 1_024;
const SMALL_BUFFER_BYTES = 4_096;
/** An edge that was cut off for longer opens its feed again. */
const FEED_BREAKS_MS = 5_000;

export function traitsOf(plan: LifePlan): Set<WorldTrait> {
  const { faults, relay, options, network, isJournalled, clients, agents } = plan;
  const traits = new Set<WorldTrait>([...faults, ...(relay?.faults ?? [])].map(({ kind }) => kind));
  const has = (trait: WorldTrait, is: boolean): unknown => is && traits.add(trait);
  has('no relay', relay === undefined);
  has('prompt hints', mechanismOf(plan) === 'inotify');
  has('journal', isJournalled);
  has('short history', options.maxHistoryEvents <= SHORT_HISTORY);
  has('small queue', options.maxQueuedBytes <= SMALL_QUEUE_BYTES);
  has('small buffers', network.kernelBytes <= SMALL_BUFFER_BYTES);
  has('killed on a slow disk', strikesDuring(faults, 'kill', 'slow disk'));
  const relayFaults = relay?.faults ?? [];
  has('signed', relay?.isSigned === true);
  has('small payload', relay?.maxPayloadBytes !== undefined);
  has('deleted while cut off', strikesDuring(relayFaults, 'new message deleted', 'edge link cut', FEED_BREAKS_MS));
  const askers = clients.filter(({ kind }) => kind === CLIENT_KINDS[1]);
  has('questions', askers.length > 0);
  has(
    'loose questions',
    askers.some(({ isLoose }) => isLoose === true),
  );
  has(
    'loose writers',
    agents.some(({ isLoose }) => isLoose === true),
  );
  return traits;
}

/** Whether one kind of fault begins while another one lasts, which does so for at least some time. */
function strikesDuring<Kind extends string>(
  faults: readonly { readonly kind: Kind; readonly atMs: number; readonly forMs: number }[],
  kind: Kind,
  during: Kind,
  leastMs = 0,
): boolean {
  const lasting = faults.filter((fault) => fault.kind === during && fault.forMs >= leastMs);
  return faults.some(
    (fault) => fault.kind === kind && lasting.some(({ atMs, forMs }) => atMs < fault.atMs && fault.atMs < atMs + forMs),
  );
}
