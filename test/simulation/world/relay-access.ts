import type { ResolvedRelay } from '../../../server/config/relay-options.js';
import type { BrokerLink } from '../machine/broker-session.js';
import type { SimulatedBroker } from '../machine/simulated-broker.js';

/** How an origin or an edge reaches the broker. */
export interface RelayAccessPoint {
  readonly broker: SimulatedBroker;
  readonly link: BrokerLink;
  readonly options: ResolvedRelay;
  /** With which an origin signs; `undefined` if nobody does. */
  readonly secret: string | undefined;
  /** The name of its host. */
  readonly hostName: string;
}
