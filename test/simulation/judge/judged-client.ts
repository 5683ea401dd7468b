import type { BusClient } from '../../../client/sdk/bus-client.js';
import type { Mirror } from '../../../client/sdk/mirror.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import type { ClientPlan } from '../world/plan.js';
import type { RawClient } from '../world/raw-client.js';

/** A client, as far as the judge looks at it. */
export interface JudgedClient {
  readonly plan: ClientPlan;
  /** The way by which it is connected. */
  readonly network: SimulatedNetwork;
  readonly raw: RawClient | undefined;
  readonly mirror: Mirror | undefined;
  readonly bus: BusClient | undefined;
  /** The address of which it waits to hear. */
  readonly asking: string | undefined;
}
