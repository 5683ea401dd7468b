/** Branded types: numbers and texts that must not be mistaken for one another. At run time they are plain numbers and strings. */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** The number of an event in an epoch: each event takes the next one. At most 2^53 − 1. */
export type Revision = Branded<number, 'Revision'>;
/** The identity of one unbroken sequence of revisions. */
export type Epoch = Branded<string, 'Epoch'>;
/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock. */
export type UnixMillis = Branded<number, 'UnixMillis'>;
/** The id of a subscription: chosen by the client, unique on its connection, a uint32. */
export type SubscriptionId = Branded<number, 'SubscriptionId'>;
/** The id of a group (the subscriptions that share one filter and encoding): chosen by the server, a uint32. */
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
