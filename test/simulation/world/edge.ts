import { EdgeBus } from '../../../server/edge-bus.js';
import { resolveOptions } from '../../../server/config/options.js';
import { SimulatedBrokerConnection } from '../machine/simulated-broker-connection.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import { SimulatedProcess, type SimulatedHost } from '../machine/simulated-process.js';
import { storyLog } from './story-log.js';
import type { LifePlan } from './plan.js';
import type { RelayAccessPoint } from './relay-access.js';

export interface EdgeServices {
  readonly plan: LifePlan;
  /** The machine of the edge, with its own wall clock. */
  readonly host: SimulatedHost;
  readonly network: SimulatedNetwork;
  readonly relay: RelayAccessPoint;
  readonly random: SeededRandom;
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  readonly tell: (text: string) => void;
}

interface Run {
  readonly process: SimulatedProcess;
  readonly bus: EdgeBus;
}

/** A server without files that serves what the origin publishes. It is started, stopped and killed like a process. */
export class Edge {
  #run: Run | undefined;
  #runs = 0;
  #unforeseen = 0;
  #awakeSinceMs = 0;

  constructor(
    readonly name: string,
    readonly services: EdgeServices,
  ) {}

  /** While it serves. */
  get bus(): EdgeBus | undefined {
    return this.#run?.bus.isRunning === true ? this.#run.bus : undefined;
  }

  get process(): SimulatedProcess | undefined {
    return this.#run?.process;
  }

  get unforeseen(): number {
    return this.#unforeseen + (this.#run?.bus.supervisor.count ?? 0);
  }

  start(): void {
    if (this.#run) return;
    const { plan, host, network, relay, random, crashed, tell } = this.services;
    const process = new SimulatedProcess(`${this.name}-${String(++this.#runs)}`, host, crashed);
    const { heartbeatMs, maxHistoryEvents, maxQueuedBytes } = plan.options;
    const options = resolveOptions({ root: '/', heartbeatMs, limits: { maxHistoryEvents, maxQueuedBytes } });
    const connect = SimulatedBrokerConnection.connectFor(relay.broker, process, relay.link);
    const bus = new EdgeBus(relay.options, options, process, storyLog(process.name, tell), {
      connect,
      random: random.bytes,
    });
    this.#run = { process, bus };
    this.#awakeSinceMs = host.time.now;
    tell(`${process.name} starts`);
    process.input(1, () => {
      bus.start().then(
        () => {
          if (process.isDead) return;
          network.listening = { process, attach: (socket, encoding) => bus.attach(socket, encoding) };
        },
        (error: unknown) => {
          crashed(process, error);
        },
      );
    });
  }

  /** The time since which the edge can work; in the future while a fault stops it. */
  get awakeSinceMs(): number {
    return this.#awakeSinceMs;
  }

  /** Stops the process for a time; another fault may stop it for longer. */
  sleeps(forMs: number): void {
    this.#awakeSinceMs = Math.max(this.#awakeSinceMs, this.services.host.time.now + forMs);
  }

  /** Kills the process: it ends at once and sends nothing. */
  kill(): void {
    if (!this.#run) return;
    this.services.tell(`${this.#run.process.name} is killed`);
    this.#ended(this.#run);
  }

  /** Asks the process to end; it shuts down in order. */
  stop(then: () => void): void {
    const run = this.#run;
    if (!run) return;
    this.services.tell(`${run.process.name} is asked to end`);
    run.process.input(0, () => {
      run.bus.stop().then(
        () => {
          this.#ended(run);
          then();
        },
        (error: unknown) => {
          this.services.crashed(run.process, error);
        },
      );
    });
  }

  #ended(run: Run): void {
    if (this.#run !== run) return;
    const { network, relay } = this.services;
    this.#unforeseen += run.bus.supervisor.count;
    run.process.kill();
    network.serverEnded(run.process);
    relay.broker.processEnded(run.process, relay.link);
    this.#run = undefined;
  }
}
