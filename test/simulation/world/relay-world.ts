import { RelayNames } from '../../../server/relay/relay-names.js';
import { resolveRelay, type ResolvedRelay } from '../../../server/config/relay-options.js';
import { OriginSeal } from '../../../server/relay/seal.js';
import { BrokerLink } from '../machine/broker-session.js';
import { SeededRandom } from '../machine/seeded-random.js';
import { SimulatedBroker } from '../machine/simulated-broker.js';
import { SimulatedNetwork } from '../machine/simulated-network.js';
import { SimulatedHost, type SimulatedProcess } from '../machine/simulated-process.js';
import type { SimulatedTime } from '../machine/simulated-time.js';
import { Edge } from './edge.js';
import type { LifePlan } from './plan.js';
import type { RelayAccessPoint } from './relay-access.js';
import type { ClientPlace, RelayPlan } from './relay-plan.js';

/** The name of the repository at the broker. */
const RELAYED_NAME = 'world';
const NATS_URL = 'nats://broker:4222';

export interface RelayWorldServices {
  readonly plan: LifePlan;
  readonly time: SimulatedTime;
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  readonly tell: (text: string) => void;
}

/** The broker of a world, the network path from each host to it, and the edges. */
export class RelayWorld {
  readonly broker: SimulatedBroker;
  readonly names = new RelayNames(RELAYED_NAME);
  readonly links = new Map<string, BrokerLink>();
  readonly edges: readonly Edge[];
  readonly #options: ResolvedRelay;
  /** The key of the repository, which each of its origins has. */
  readonly #secret: string | undefined;

  constructor(
    readonly plan: RelayPlan,
    private readonly services: RelayWorldServices,
  ) {
    const { time } = services;
    this.broker = new SimulatedBroker(time);
    const { maxMessages, aliveMs, isSigned = false, maxPayloadBytes } = plan;
    this.broker.maxPayloadBytes = maxPayloadBytes ?? this.broker.maxPayloadBytes;
    const key = this.#random('key').bytes(32);
    this.#secret = isSigned ? Buffer.from(key).toString('base64url') : undefined;
    const publicKeys = this.#secret === undefined ? [] : [new OriginSeal(this.#secret).publicKey];
    const options = { url: NATS_URL, repository: RELAYED_NAME, limits: { maxMessages }, aliveMs, publicKeys };
    this.#options = resolveRelay(options, aliveMs);
    this.edges = plan.edges.map(({ name, wallOffsetMs }) => {
      const host = new SimulatedHost(time);
      host.wallOffsetMs = wallOffsetMs;
      const network = new SimulatedNetwork(time, this.#random(`network ${name}`));
      Object.assign(network.weather, services.plan.network);
      return new Edge(name, {
        ...services,
        host,
        network,
        relay: this.accessFrom(name),
        random: this.#random(`edge ${name}`),
      });
    });
  }

  get aliveMs(): number {
    return this.plan.aliveMs;
  }

  accessFrom(hostName: string): RelayAccessPoint {
    const link = this.links.get(hostName) ?? new BrokerLink(this.services.time, this.#random(`link ${hostName}`));
    link.latencyMs = this.plan.latencyMs;
    link.jitterMs = this.plan.latencyMs;
    this.links.set(hostName, link);
    return { broker: this.broker, link, options: this.#options, secret: this.#secret, hostName };
  }

  /** The server that a client of the life is connected to. */
  networkOf(place: ClientPlace, ofOrigin: SimulatedNetwork): SimulatedNetwork {
    return place === 'origin' ? ofOrigin : this.edges[place]!.services.network;
  }

  #random(name: string): SeededRandom {
    return new SeededRandom(this.services.plan.seed, name);
  }
}
