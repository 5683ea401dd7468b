/** Version of this program, as in package.json; `schema_version` of every event it produces. */
export const VERSION = '0.1.0';

/** Version of the wire; part of the subprotocols' names. */
export const PROTOCOL_VERSION = 1;

/** The port the bus listens on when none is named: MUSE on a phone's keys. */
export const DEFAULT_PORT = 6873;

/** What a server can do that the first text of version 1 did not have, as `welcome` says it. */
export const FEATURES = [
  /** A connection may be given a name, by the message `name`. */
  'names',
  /** An error about a `sync`, `ping` or `inspect` carries its nonce. */
  'nonces',
  /** Events of reservations, heartbeats and releases carry the state of the lease, and `revived` is told. */
  'leases',
] as const;
