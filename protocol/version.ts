/** Version of this program, as in package.json; `schema_version` of every event it produces. */
export const VERSION = '0.1.0';

/** Version of the wire; part of the subprotocols' names. */
export const PROTOCOL_VERSION = 1;

/** The port the bus listens on when none is named: MUSE on a phone's keys. */
export const DEFAULT_PORT = 6873;
