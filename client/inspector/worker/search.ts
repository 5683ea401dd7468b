import { recordKey } from '../../../protocol/index.js';
import { addressesOf } from '../model/entry.js';
import { clientName, type Overview } from '../model/overview.js';
import type { ReplayedState } from '../model/replayed-state.js';
import type { Link } from '../model/target.js';

/** Something that a search has found, and where it is shown. */
export interface Found {
  readonly what: 'agent' | 'address' | 'record' | 'client';
  readonly name: string;
  readonly link: Link;
}

/** The most results of each sort. */
const MAX_OF_EACH = 8;

/** Finds runs, addresses, records and clients whose names contain the words, in any case. */
export function search(text: string, { runs, byKind }: ReplayedState, overview: Overview | undefined): Found[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return [];
  const best = new Best(words);
  for (const run of runs.keys()) {
    best.offer({ what: 'agent', name: run, link: { view: 'agents', target: { type: 'run', run } } });
  }
  const seen = new Set<string>();
  for (const kind of ['reservation', 'intent'] as const) {
    for (const { data } of byKind[kind].values()) for (const address of addressesOf(data)) seen.add(address);
  }
  for (const address of seen) {
    best.offer({ what: 'address', name: address, link: { view: 'symbols', target: { type: 'address', address } } });
  }
  for (const records of Object.values(byKind)) {
    for (const { kind, id } of records.values()) {
      const key = recordKey(kind, id);
      best.offer({ what: 'record', name: key, link: { view: 'stream', target: { type: 'record', key } } });
    }
  }
  for (const connection of overview?.connections ?? []) {
    best.offer({ what: 'client', name: clientName(connection), link: { view: 'bus' } });
  }
  return best.found();
}

/** The first results of each sort. */
class Best {
  readonly #found = new Map<Found['what'], Found[]>();

  constructor(private readonly words: readonly string[]) {}

  offer(found: Found): void {
    const name = found.name.toLowerCase();
    if (!this.words.every((word) => name.includes(word))) return;
    const own = this.#found.get(found.what) ?? [];
    this.#found.set(found.what, own);
    const place = own.findIndex((other) => this.#compare(found, other) < 0);
    if (place < 0) own.push(found);
    else own.splice(place, 0, found);
    if (own.length > MAX_OF_EACH) own.pop();
  }

  found(): Found[] {
    return (['agent', 'address', 'client', 'record'] as const).flatMap((what) => this.#found.get(what) ?? []);
  }

  /** Names that begin with the first word come first. The shorter come before the longer: the name that was typed in full, `agent-2`, `agent-10`. */
  #compare({ name: a }: Found, { name: b }: Found): number {
    return this.#rank(a) - this.#rank(b) || a.length - b.length || (a < b ? -1 : 1);
  }

  #rank(name: string): number {
    return name.toLowerCase().startsWith(this.words[0]!) ? 0 : 1;
  }
}
