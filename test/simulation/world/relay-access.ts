import type { ResolvedRelay } from '../../../server/config/relay-options.js';
import type { BrokerLink } from '../machine/broker-session.js';
import type { SimulatedBroker } from '../machine/simulated-broker.js';

/** What an origin or an edge is given to reach the broker. */
export interface RelayAccessPoint {
  readonly broker: SimulatedBroker;
  readonly link: BrokerLink;
  readonly options: ResolvedRelay;
  /** What its host is called. */
  readonly hostName: string;
}
