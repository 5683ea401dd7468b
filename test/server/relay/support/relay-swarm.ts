import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageType } from '../../../../protocol/index.js';
import type { Endpoint } from '../../../../server/index.js';
import { verify, type OngoingHistory } from '../../../fault/support/verify.js';
import { Observer, type ObserverOptions } from '../../../fault/support/observer.js';
import { Workload, type WorkloadOptions } from '../../../fault/support/workload.js';
import { chance } from '../../../fault/model-bus.js';
import { Command } from '../../../support/command.js';
import { NatsServer, type NatsServerOptions } from '../../../support/nats-server.js';
import { RawClient } from '../../../support/raw-client.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';
import { until } from '../../../support/until.js';

const HEARTBEAT = ['--heartbeat', '0.05'];

export interface SwarmOptions {
  readonly nats?: NatsServerOptions;
  readonly edges?: number;
  /** The URL of NATS for a member; 0 is the origin, 1 the first edge. @default the address that NATS listens on */
  readonly natsAt?: (member: number) => string;
  /** Flags of the origin in addition to those of every origin. */
  readonly origin?: readonly string[];
  readonly workload?: WorkloadOptions;
  readonly seed?: number;
}

/** One process of the command, which can be killed and started again. Its endpoint is read from its file. */
export class Served {
  command: Command | undefined;
  readonly #commands: Command[] = [];

  constructor(
    private readonly args: readonly string[],
    readonly endpointFile: string,
  ) {}

  start(): void {
    this.command = Command.museBus(this.args);
    this.#commands.push(this.command);
  }

  /** The lines of the log of all its processes. */
  get log(): readonly string[] {
    return this.#commands.flatMap(({ errors }) => errors);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.command?.kill(signal);
    await this.command?.exit;
  }

  /** @throws Error while the process has not published its endpoint. */
  get endpoint(): Endpoint {
    return JSON.parse(readFileSync(this.endpointFile, 'utf8')) as Endpoint;
  }

  async untilServing(): Promise<void> {
    const { pid } = this.command!;
    await until(`${this.args.join(' ')} serves, after ${this.command!.errors.slice(-3).join('\n')}`, () => {
      try {
        return this.endpoint.pid === pid;
      } catch {
        return false;
      }
    });
  }
}

/** An origin, edges and a NATS between them, each in its own process, and their clients. */
export class RelaySwarm {
  readonly repository = new TemporaryRepository();
  readonly workload: Workload;
  readonly origin: Served;
  readonly edges: readonly Served[];
  readonly observers: (Observer & OngoingHistory)[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), 'muse-bus-relay-'));
  readonly #random: () => number;

  private constructor(
    readonly nats: NatsServer,
    { edges = 3, natsAt, origin = [], workload = {}, seed = 8 }: SwarmOptions,
  ) {
    this.#random = chance(seed);
    this.workload = new Workload(this.repository, this.#random, workload);
    const relay = (member: number): string[] => {
      const url = natsAt ? `nats://${natsAt(member)}:${String(nats.port)}` : nats.url;
      return ['--relay', url, '--port', '0', ...HEARTBEAT];
    };
    const { root, bus } = this.repository;
    this.origin = new Served(['serve', '--root', root, ...relay(0), ...origin], join(bus, 'endpoint.json'));
    this.edges = Array.from({ length: edges }, (_, i) => {
      const file = join(this.#dir, `edge-${String(i)}.json`);
      return new Served(['edge', ...relay(i + 1), '--endpoint', file], file);
    });
  }

  static async start(options: SwarmOptions = {}): Promise<RelaySwarm> {
    const swarm = new RelaySwarm(await NatsServer.start(options.nats), options);
    swarm.origin.start();
    for (const edge of swarm.edges) edge.start();
    await Promise.all([swarm.origin, ...swarm.edges].map((served) => served.untilServing()));
    return swarm;
  }

  /** Adds clients at each server, for everything and for a part, and a client that reconnects to another edge each time. */
  populate(): void {
    this.observe('origin', () => this.origin.endpoint);
    this.edges.forEach((edge, i) => {
      this.observe(`edge-${String(i)}`, () => edge.endpoint);
      this.observe(`edge-${String(i)}-part`, () => edge.endpoint, { kinds: ['task', 'claim'], run_ids: ['run-1'] });
    });
    let turn = 0;
    this.observe('roaming', () => this.edges[turn++ % this.edges.length]!.endpoint);
  }

  observe(name: string, address: () => Endpoint, filter: ObserverOptions['filter'] = {}): Observer & OngoingHistory {
    const observer = new Observer(name, { address, filter, random: this.#random });
    observer.start();
    this.observers.push(observer);
    return observer;
  }

  observer(name: string): Observer & OngoingHistory {
    return this.observers.find((observer) => observer.name === name)!;
  }

  /** Waits for a barrier at an edge: everything on the origin's disk has then been published there. */
  async barrier(at: Served = this.edges[0]!): Promise<string> {
    for (;;) {
      const client = await RawClient.connect(at.endpoint);
      client.send([MessageType.sync, 1]);
      const answer = (): unknown[] | undefined => client.messages.find(([type]) => type === MessageType.syncDone);
      // An edge that begins again closes its connections. A second request is then answered for the new state.
      await until('the barrier is answered', () => answer() !== undefined || client.closed !== undefined);
      const cursor = answer()?.[2];
      if (!client.closed) await client.close();
      if (cursor !== undefined) return cursor as string;
    }
  }

  /** Waits until every client has received everything, and checks what they received. */
  async settle(): Promise<{ readonly events: number; readonly marks: number }> {
    const cursor = await this.barrier();
    const [epoch = '', revision = ''] = cursor.split(':');
    for (const observer of this.observers) {
      const where = (): string => JSON.stringify(observer.entries.slice(-2)).slice(0, 300);
      await until(`${observer.name} has received everything up to ${cursor}`, () =>
        observer.hasReached(epoch, Number(revision)),
      ).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}, after ${where()}\n${this.errors()}`);
      });
    }
    return verify(this.observers, this.workload.operations, true, { gapAfter: this.#gapAfter });
  }

  /** The origin says in its log which revisions it does not use after it was killed. */
  readonly #gapAfter = (epoch: string, revision: number): number | undefined => {
    for (const line of this.origin.log) {
      if (!line.includes('its journal is continued') || !line.includes(epoch)) continue;
      const number = (field: string): number => Number(new RegExp(`\\b${field}\\W+(\\d+)`).exec(line)?.[1]);
      const [to, lost] = [number('revision'), number('lost_at_most')];
      if (lost > 0 && to - 1 - lost === revision) return to;
    }
    return undefined;
  };

  /** Returns the last lines of each process's log. */
  errors(): string {
    return [this.origin, ...this.edges]
      .map(
        ({ command }, i) =>
          `${i === 0 ? 'origin' : `edge ${String(i - 1)}`}: ${(command?.errors ?? []).slice(-4).join('\n  ')}`,
      )
      .join('\n');
  }

  async dispose(): Promise<void> {
    for (const observer of this.observers) observer.stop();
    await Promise.all([this.origin, ...this.edges].map((served) => served.kill()));
    await this.nats.dispose();
    this.repository.dispose();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
