import { EdgeBus } from '../../../server/edge-bus.js';
import { resolveOptions } from '../../../server/config/options.js';
import { SimulatedBrokerConnection } from '../machine/simulated-broker-connection.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import { SimulatedProcess, type SimulatedHost } from '../machine/simulated-process.js';
import { storyLog } from './story-log.js';
import type { LifePlan } from './plan.js';
import type { RelayAccessPoint } from './relay-access.js';

export interface EdgeServices {
  readonly plan: LifePlan;
  /** A machine of its own, with a wall clock of its own. */
  readonly host: SimulatedHost;
  readonly network: SimulatedNetwork;
  readonly relay: RelayAccessPoint;
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  readonly tell: (text: string) => void;
}

interface Run {
  readonly process: SimulatedProcess;
  readonly bus: EdgeBus;
}

/** A server without files: it serves on what the origin publishes, and is started, stopped and killed like a process. */
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
    const { plan, host, network, relay, crashed, tell } = this.services;
    const process = new SimulatedProcess(`${this.name}-${String(++this.#runs)}`, host, crashed);
    const { heartbeatMs, maxHistoryEvents, maxQueuedBytes } = plan.options;
    const options = resolveOptions({ root: '/', heartbeatMs, limits: { maxHistoryEvents, maxQueuedBytes } });
    const connect = SimulatedBrokerConnection.connectFor(relay.broker, process, relay.link);
    const bus = new EdgeBus(relay.options, options, process, storyLog(process.name, tell), connect);
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

  /** Since when nothing has kept it from working; in the future while something does. */
  get awakeSinceMs(): number {
    return this.#awakeSinceMs;
  }

  /** Its process cannot work for so long; what else keeps it may last longer. */
  sleeps(forMs: number): void {
    this.#awakeSinceMs = Math.max(this.#awakeSinceMs, this.services.host.time.now + forMs);
  }

  /** It ends at once and says nothing. */
  kill(): void {
    if (!this.#run) return;
    this.services.tell(`${this.#run.process.name} is killed`);
    this.#ended(this.#run);
  }

  /** It is asked to end, and ends in order. */
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
