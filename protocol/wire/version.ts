/** Version of this program, as in package.json. It is the `schema_version` of every event that the program makes. */
export const VERSION = '0.1.0';

/** Version of the wire protocol; part of the names of the subprotocols. */
export const PROTOCOL_VERSION = 1;

/** The port that the bus listens on if none is given: MUSE on a phone's keys. */
export const DEFAULT_PORT = 6873;

/** What a server can do that the first text of version 1 did not have. `welcome` lists these. */
export const FEATURES = [
  /** The message `name` gives a connection a name. */
  'names',
  /** An error about a `sync`, `ping` or `inspect` carries its nonce. */
  'nonces',
  /** Events of reservations, heartbeats and releases carry the state of the lease, and `revived` events are sent. */
  'leases',
] as const;
