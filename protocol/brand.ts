/** Numbers and texts that must not be mistaken for one another, though all are plain at run time. */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Store-wide counter of transitions: each change event takes the next one. At most 2^53 − 1. */
export type Revision = Branded<number, 'Revision'>;
/** Identity of one unbroken history of revisions. */
export type Epoch = Branded<string, 'Epoch'>;
/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock. */
export type UnixMillis = Branded<number, 'UnixMillis'>;
/** Chosen by the client, unique on its connection, a uint32. */
export type SubscriptionId = Branded<number, 'SubscriptionId'>;
/** Chosen by the server for a set of subscriptions that share one filter and encoding, a uint32. */
export type GroupId = Branded<number, 'GroupId'>;

export function revision(n: number): Revision {
  return n as Revision;
}

export function epoch(text: string): Epoch {
  return text as Epoch;
}

export function unixMillis(n: number): UnixMillis {
  return n as UnixMillis;
}

export function subscriptionId(n: number): SubscriptionId {
  return n as SubscriptionId;
}

export function groupId(n: number): GroupId {
  return n as GroupId;
}
