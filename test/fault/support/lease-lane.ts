import { existsSync } from 'node:fs';
import type { TemporaryRepository } from '../../support/temporary-repository.js';
import type { BusProcess } from './bus-process.js';
import { pause, type FaultContext } from './fault-run.js';
import { LeaseAskers, type Answer, type Asker } from './lease-askers.js';
import { LeaseScript } from './lease-script.js';
import { isHeldOnDisk } from './lease-oracle.js';
import type { Proxy } from './proxy.js';
import { until } from '../../support/until.js';

const FAULTS = ['killed', 'stopped', 'stopped', 'held back', 'held back', 'broken', 'none'] as const;
type Fault = (typeof FAULTS)[number];

/** A port on which no process listens. */
const CLOSED_PORT = 1;
const TOKEN_MS = 250;
/** The longest duration of a fault. */
const MAX_FAULT_MS = 600;
/** The longest time until the clients know that a lease has ended. */
const TIMEOUT_MS = 60_000;
/** The longest pause between two questions to the same asker. */
const ASK_EVERY_MS = 40;
/** A command costs a process: one round in this many runs one. */
const ROUNDS_PER_COMMAND = 8;

export interface Tally {
  free: number;
  held: number;
  unknown: number;
  byOwnClock: number;
  readonly falseFree: string[];
}

/** Rounds of "a lease ends, a fault strikes, the lease is extended meanwhile", in several repositories at a time. */
export class LanesOfRounds {
  readonly #tally: Tally = { free: 0, held: 0, unknown: 0, byOwnClock: 0, falseFree: [] };
  #next = 0;

  constructor(
    private readonly context: FaultContext,
    private readonly transport: 'uws' | 'ws',
    private readonly lanes: number,
  ) {}

  async run(rounds: number): Promise<Tally> {
    const lane = async (): Promise<void> => {
      const lane = await LeaseLane.open(this.context, this.transport, this.#tally);
      while (this.#next < rounds && this.#tally.falseFree.length === 0) await lane.round(this.#next++);
    };
    // An error in one lane is thrown after the other lanes have stopped: they write files until then.
    const lanes = Array.from({ length: this.lanes }, () =>
      lane().catch((error: unknown) => {
        this.#next = rounds;
        throw error;
      }),
    );
    for (const ended of await Promise.allSettled(lanes)) if (ended.status === 'rejected') throw ended.reason;
    return this.#tally;
  }
}

/** One repository with its server and its clients. */
class LeaseLane {
  #askers!: LeaseAskers;

  private constructor(
    private readonly context: FaultContext,
    private readonly transport: 'uws' | 'ws',
    private readonly tally: Tally,
    private readonly repository: TemporaryRepository,
    private readonly proxy: Proxy,
    private bus: BusProcess,
  ) {}

  static async open(context: FaultContext, transport: 'uws' | 'ws', tally: Tally): Promise<LeaseLane> {
    const repository = context.repository();
    const proxy = await context.proxy();
    const bus = await context.bus(repository.root, { transport, allowHosts: [proxy.host] });
    proxy.target = bus.port;
    const lane = new LeaseLane(context, transport, tally, repository, proxy, bus);
    lane.#askers = await LeaseAskers.open(repository.root, () => lane.bus, proxy);
    context.cleanup(() => lane.#askers.close());
    return lane;
  }

  async round(n: number): Promise<void> {
    const { context, repository } = this;
    await until('all are live', () => this.#askers.areLive, TIMEOUT_MS);
    const lease = new LeaseScript(repository, context.random, n);
    const fault = FAULTS[context.below(FAULTS.length)]!;
    const round = { lease, what: `round ${String(n)}, ${fault}`, isOver: false };
    const waits = this.#askers.waiting.map((mirror) => this.#wait('whenFree', round, mirror.whenFree(lease.address)));
    if (n % ROUNDS_PER_COMMAND === 0) waits.push(this.#command(n / ROUNDS_PER_COMMAND, round));
    const waited = Promise.all(waits);
    // An error before the `await` below is thrown there, and is not an unhandled rejection.
    waited.catch(() => undefined);
    const asking = [...this.#askers.each.map((asker) => this.#keepAsking(asker, round)), this.#control(round)];
    try {
      const striking = this.#strike(fault, context.random() * (lease.leftMs + 300));
      await lease.play();
      await striking;
      const late = new Error(`${round.what}: not every waiting client learned that the address is free`);
      await Promise.race([waited, pause(TIMEOUT_MS).then(() => Promise.reject(late))]);
    } finally {
      // The askers stop before the files are removed: otherwise their errors would hide the first one.
      round.isOver = true;
      await Promise.allSettled(asking);
    }
    await Promise.all(asking);
    for (const kind of ['reservation', 'heartbeat', 'release'] as const)
      for (const id of [lease.id, ...[1, 2, 3].map((beat) => `${lease.id}-${String(beat)}`)])
        if (existsSync(repository.dir.file(kind, id))) repository.remove(kind, id);
  }

  #verify(answer: Answer, by: string, { lease, what }: Round): void {
    this.tally[answer]++;
    if (answer !== 'free' || lease.isVoid) return;
    if (isHeldOnDisk(this.repository, lease.address))
      this.tally.falseFree.push(`${what}: ${by} said free ${String(lease.leftMs)} ms before its end`);
  }

  async #wait(by: string, round: Round, waiting: Promise<unknown>): Promise<void> {
    await waiting;
    this.#verify('free', by, round);
  }

  async #command(n: number, round: Round): Promise<void> {
    const { address } = round.lease;
    const [by, answer] = [
      ['wait --free', () => this.#askers.waitFree(address)] as const,
      ['wait --free --timeout 0', () => this.#askers.lookFree(address)] as const,
      ['holders', () => this.#askers.holders(address)] as const,
    ][n % 3]!;
    this.#verify(await answer(), by, round);
  }

  async #keepAsking({ name, ask }: Asker, round: Round): Promise<void> {
    while (!round.isOver) {
      this.#verify(await ask(round.lease.address).catch((): Answer => 'unknown'), name, round);
      await pause(ASK_EVERY_MS * this.context.random());
    }
  }

  async #control(round: Round): Promise<void> {
    while (!round.isOver) {
      const { lease } = round;
      const isWrong = this.#askers.byOwnClock(lease.address) && isHeldOnDisk(this.repository, lease.address);
      if (isWrong && !lease.isVoid) this.tally.byOwnClock++;
      await pause(ASK_EVERY_MS / 4);
    }
  }

  async #strike(fault: Fault, afterMs: number): Promise<void> {
    await pause(afterMs);
    const lasting = pause(this.context.random() * MAX_FAULT_MS);
    switch (fault) {
      case 'none':
        return;
      case 'killed':
        // When a client reconnects, another server may have this port.
        this.proxy.target = CLOSED_PORT;
        await this.bus.kill();
        await lasting;
        this.bus = await this.context.bus(this.repository.root, {
          transport: this.transport,
          allowHosts: [this.proxy.host],
        });
        // A client that has asked for the old token, and not yet dialled, must find a closed port.
        await pause(TOKEN_MS);
        this.proxy.target = this.bus.port;
        return;
      case 'stopped':
        this.bus.signal('SIGSTOP');
        await lasting;
        this.bus.signal('SIGCONT');
        return;
      case 'held back':
        this.proxy.hold();
        await lasting;
        this.proxy.release();
        return;
      case 'broken':
        this.proxy.breakAll();
        return;
    }
  }
}

interface Round {
  readonly lease: LeaseScript;
  readonly what: string;
  isOver: boolean;
}
