import type { ExplainReason, FilterInput, Overview } from '../../../protocol/index.js';
import { visible } from './visible.js';

export type { ExplainParams, Explanation, Overview } from '../../../protocol/index.js';
export type Connection = Overview['connections'][number];
export type SubscriptionState = Connection['subscriptions'][number];

/** Returns how a client is called: by the name that it gave, or by its number. */
export const clientName = ({ id, name }: Pick<Connection, 'id' | 'name'>): string =>
  name === null ? `#${String(id)}` : `${visible(name, 48)} #${String(id)}`;

/** Returns a filter in words, `kind reservation or intent · branch main`. */
export function describeFilter(filter: FilterInput): string {
  const parts = Object.entries(filter as Readonly<Record<string, unknown>>)
    .filter((entry): entry is [string, string[]] => Array.isArray(entry[1]))
    .map(([field, values]) => `${FIELD_WORDS[field] ?? field} ${values.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(' · ');
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  kinds: 'kind',
  run_ids: 'run',
  branches: 'branch',
  event_types: 'type',
  ids: 'id',
  addresses: 'address',
};

/** Returns a reason, with the values that the filter wanted and those that were found, if the server sent both. */
export function describeReason({ text, wanted, found }: ExplainReason): string {
  if ([...(wanted ?? []), ...(found ?? [])].every((value) => text.includes(value))) return text;
  const list = (values: readonly string[] | undefined) =>
    values === undefined || values.length === 0 ? 'nothing' : values.slice(0, 8).join(', ');
  return `${text} (wanted ${list(wanted)}; found ${list(found)})`;
}
