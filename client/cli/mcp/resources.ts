import type { Resource, ResourceTemplateType } from '@modelcontextprotocol/server';
import {
  conflictForm,
  fromVisibleText,
  leaseForm,
  runSituation,
  unixMillis,
  type ConflictForm,
  type JsonValue,
  type Moment,
  type RunSituation,
} from '../../../protocol/index.js';
import { readAddresses } from '../../sdk/address.js';
import type { Holder } from '../../sdk/holders.js';
import type { Mirror } from '../../sdk/mirror.js';
import { CliError } from '../cli-error.js';
import { AnswerBudget, DEFAULT_MAX_TOKENS, truncation, UNTRUSTED } from './answers.js';
import { inTime, type McpBus } from './bus.js';
import { cutValue, SHORT } from './cut.js';
import { BOUND } from './tool.js';
import { shownHolders } from './who-holds.js';

/** What a resource's address asks for. */
export type Asked =
  | { readonly is: 'holders'; readonly address: string }
  | { readonly is: 'agent'; readonly run: string }
  | { readonly is: 'conflicts' };

/** What the model of the swarm says, before it is cut to a length. Two readings with the same state are equal as JSON. */
export type ResourceState =
  | { readonly is: 'holders'; readonly free: 'yes' | 'no' | 'unknown'; readonly holders: readonly Holder[] }
  | { readonly is: 'agent'; readonly situation: RunSituation }
  | { readonly is: 'conflicts'; readonly conflicts: readonly ConflictForm[]; readonly isComplete: boolean };

const BEGIN = 'muse://';
const BOUND_OPTION = /\?max_tokens=(\d{1,6})$/;
const JSON_TYPE = 'application/json';

export const RESOURCES: readonly Resource[] = [
  {
    uri: 'muse://conflicts',
    name: 'conflicts',
    title: 'Conflicts',
    description: 'Runs that hold or change the same addresses, now.',
    mimeType: JSON_TYPE,
  },
];

export const RESOURCE_TEMPLATES: readonly ResourceTemplateType[] = [
  {
    uriTemplate: 'muse://holders/{address}{?max_tokens}',
    name: 'holders',
    title: 'Who holds an address',
    description: 'Who holds an address now, or anything it covers or that covers it.',
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: 'muse://agents/{run_id}{?max_tokens}',
    name: 'agents',
    title: 'What concerns a run',
    description: 'The leases of a run, who waits for it, what it waits for, and its conflicts.',
    mimeType: JSON_TYPE,
  },
];

/** Reads the address of a resource. @throws CliError with the forms that there are. */
export function readUri(uri: string): { readonly asked: Asked; readonly maxTokens: number } {
  const bound = BOUND_OPTION.exec(uri);
  const maxTokens = BOUND.max_tokens.safeParse(bound ? Number(bound[1]) : DEFAULT_MAX_TOKENS);
  if (!maxTokens.success) throw new CliError(`${uri.slice(0, 200)}: max_tokens: ${maxTokens.error.issues[0]!.message}`);
  return { asked: askedBy(bound ? uri.slice(0, bound.index) : uri), maxTokens: maxTokens.data };
}

function askedBy(uri: string): Asked {
  const [, kind, name] = /^muse:\/\/([a-z]+)(?:\/(.*))?$/s.exec(uri) ?? [];
  if (kind === 'conflicts' && (name ?? '') === '') return { is: 'conflicts' };
  if (kind === 'holders' && name) return { is: 'holders', address: decoded(name) };
  if (kind === 'agents' && name) return { is: 'agent', run: decoded(name) };
  const forms = [...RESOURCES.map(({ uri: own }) => own), ...RESOURCE_TEMPLATES.map(({ uriTemplate }) => uriTemplate)];
  const what = uri.startsWith(BEGIN) ? 'no such resource' : 'not an address of this server';
  throw new CliError(`${uri.slice(0, 200)}: ${what}`, 'bad_args', `there are ${forms.join(', ')}`);
}

/** Names may be written with and without percent signs: an address has `::`, and a model often leaves it as it is. */
function decoded(name: string): string {
  try {
    return fromVisibleText(decodeURIComponent(name));
  } catch {
    return fromVisibleText(name);
  }
}

/** Returns the text of a resource, from the records that are on disk now. @throws BusError, CliError */
export async function readResource(bus: McpBus, uri: string): Promise<string> {
  const { asked, maxTokens } = readUri(uri);
  const client = await bus.client();
  const mirror = await bus.records();
  // A lease that ends after the question may be prolonged after the server read the disk.
  const askedAt = client.serverNow() - ('roundTripMs' in client.status ? client.status.roundTripMs : 0);
  await inTime(client.sync());
  const now = unixMillis(Math.min(askedAt, client.serverNow()));
  const state = stateOf(asked, mirror, bus, { ...mirror.moment, now, completeUntil: now });
  return JSON.stringify(shown(state, now, maxTokens)).replaceAll('<', '\\u003c');
}

/** Returns what the mirror says of a resource at a moment. @throws BusError `bad-option` if the text is no address. */
export function stateOf(asked: Asked, mirror: Mirror, bus: McpBus, moment: Moment = mirror.moment): ResourceState {
  switch (asked.is) {
    case 'holders': {
      const { free, holders } = mirror.swarm.holders(readAddresses(asked.address, bus.addresses), moment);
      return { is: 'holders', free, holders: holders.map(leaseForm) };
    }
    case 'agent':
      return { is: 'agent', situation: runSituation(mirror.swarm, moment, asked.run) };
    case 'conflicts':
      return {
        is: 'conflicts',
        conflicts: mirror.swarm.conflicts(moment).map(conflictForm),
        isComplete: (moment.unseen?.size ?? 0) === 0,
      };
  }
}

function shown(state: ResourceState, now: number, maxTokens: number): object {
  switch (state.is) {
    case 'holders':
      return shownHolders(state.holders, { after: undefined, now, maxTokens }, { free: state.free });
    case 'agent': {
      const { leases, waiters, waits, intents, conflicts, is_complete } = state.situation;
      // What a run needs to know first comes first, so that it is left out last.
      return listed({ is_complete }, { waiters, leases, conflicts, waits, intents }, maxTokens);
    }
    case 'conflicts':
      return listed({ is_complete: state.isComplete }, { conflicts: state.conflicts }, maxTokens);
  }
}

/** An answer with several lists, as much of them as fits. */
function listed(said: object, lists: Readonly<Record<string, readonly unknown[]>>, maxTokens: number): object {
  const entries = Object.entries(lists).flatMap(([name, list]) =>
    list.map((item) => [name, item as JsonValue] as const),
  );
  const empty = Object.fromEntries(Object.keys(lists).map((name) => [name, []]));
  const budget = new AnswerBudget({ untrusted: UNTRUSTED, ...said, ...empty }, maxTokens);
  for (const [, item] of entries) {
    const fits = budget.take((size) => {
      const { value, isCut } = cutValue(item, { ...SHORT, text: 300 }, size - '{"value":}'.length);
      return { value: { value }, isCut };
    });
    if (!fits) break;
  }
  const { items, cut } = budget.list;
  const taken = items.map((item, at) => [entries[at]![0], (item as { readonly value: JsonValue }).value] as const);
  const byName = Object.keys(lists).map((name) => [
    name,
    taken.filter(([of]) => of === name).map(([, value]) => value),
  ]);
  return {
    ...(taken.length === 0 ? {} : { untrusted: UNTRUSTED }),
    ...said,
    ...(Object.fromEntries(byName) as object),
    ...truncation(entries.length - taken.length, cut),
  };
}
