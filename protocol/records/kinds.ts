/** The kinds of record, in canonical order. Snapshots use this order, and the index of a kind is its number on the wire. */
export const KINDS = ['reservation', 'intent', 'release', 'heartbeat', 'task', 'claim', 'dependency'] as const;

export type Kind = (typeof KINDS)[number];

/** The kinds whose records begin, prolong or end a lease. */
export const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];

/** The directory under `.muse/coordination/` that holds the records of a kind. */
export const KIND_DIRECTORIES: Readonly<Record<Kind, string>> = {
  reservation: 'reservations',
  intent: 'intents',
  release: 'releases',
  heartbeat: 'heartbeats',
  task: 'tasks',
  claim: 'claims',
  dependency: 'dependencies',
};

const BY_NAME: ReadonlyMap<string, Kind> = new Map(
  KINDS.flatMap((kind) => [
    [kind, kind],
    [KIND_DIRECTORIES[kind], kind],
  ]),
);

// The marks allow a bundler to leave this table out of a bundle that does not use it.
const INDEX = /* @__PURE__ */ Object.fromEntries(/* @__PURE__ */ KINDS.map((kind, index) => [kind, index])) as Readonly<
  Record<Kind, number>
>;

/** Returns the kind with this name, in the singular or as its directory is called; `undefined` for any other text. */
export function kindFromName(name: string): Kind | undefined {
  return BY_NAME.get(name);
}

/** Returns the number of a kind on the wire, 0…6. */
export function kindIndex(kind: Kind): number {
  return INDEX[kind];
}
