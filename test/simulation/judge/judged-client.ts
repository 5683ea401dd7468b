import type { BusClient } from '../../../client/sdk/bus-client.js';
import type { Mirror } from '../../../client/sdk/mirror.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import type { ClientPlan } from '../world/plan.js';
import type { RawClient } from '../world/raw-client.js';

/** The part of a client that the judge examines. */
export interface JudgedClient {
  readonly plan: ClientPlan;
  /** The network of its connection. */
  readonly network: SimulatedNetwork;
  readonly raw: RawClient | undefined;
  readonly mirror: Mirror | undefined;
  readonly bus: BusClient | undefined;
  /** The address that it waits for. */
  readonly asking: string | undefined;
}
