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

/** Finds runs, addresses, records and clients whose names contain the words, in any case. Those that begin with the first come first. */
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

class Best {
  readonly #found = new Map<Found['what'], Found[]>();

  constructor(private readonly words: readonly string[]) {}

  offer(found: Found): void {
    const own = this.#found.get(found.what) ?? [];
    const name = found.name.toLowerCase();
    if (!this.words.every((word) => name.includes(word))) return;
    this.#found.set(found.what, own);
    if (name.startsWith(this.words[0]!)) own.unshift(found);
    else if (own.length < MAX_OF_EACH) own.push(found);
    if (own.length > MAX_OF_EACH) own.pop();
  }

  found(): Found[] {
    return (['agent', 'address', 'client', 'record'] as const).flatMap((what) => this.#found.get(what) ?? []);
  }
}
