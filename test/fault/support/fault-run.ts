import { chance } from '../model-bus.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { BusProcess, type BusProcessOptions } from './bus-process.js';
import { Observer, type ObserverOptions } from './observer.js';
import { Proxy } from './proxy.js';
import { Workload, type WorkloadOptions } from './workload.js';

/** One row of the table of invariants: causes a real fault, and throws where the invariant does not hold. */
export interface FaultRun {
  readonly row: number;
  readonly name: string;
  readonly invariant: string;
  readonly fault: string;
  run(context: FaultContext): Promise<Outcome>;
}

export type Outcome =
  | { readonly is: 'held'; readonly rounds: number; readonly note?: string }
  /** The machine does not permit the fault. */
  | { readonly is: 'skipped'; readonly why: string };

/**
 * How much a run does. `brief`: everything once, without measuring times, for continuous integration. `short`: a few minutes for all
 * runs. `long`: about an hour for all runs.
 */
export type Form = 'brief' | 'short' | 'long';

/** The context of a run. Everything that the run starts through it is stopped after the run. */
export class FaultContext {
  readonly random: () => number;
  readonly #cleanups: (() => unknown)[] = [];

  constructor(
    readonly form: Form,
    readonly seed: number,
    /** How many parts the long form is split into; this is one of them. */
    private readonly parts = 1,
  ) {
    this.random = chance(seed);
  }

  get isLong(): boolean {
    return this.form === 'long';
  }

  /** Whether the run checks times: not in the brief form, where other work shares the machine. */
  get isMeasured(): boolean {
    return this.form !== 'brief';
  }

  size(short: number, long: number, brief = Math.ceil(short / 10)): number {
    switch (this.form) {
      case 'brief':
        return brief;
      case 'short':
        return short;
      case 'long':
        return Math.ceil(long / this.parts);
    }
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  cleanup(undo: () => unknown): void {
    this.#cleanups.push(undo);
  }

  async dispose(): Promise<void> {
    for (const undo of this.#cleanups.splice(0).reverse()) await undo();
  }

  repository(): TemporaryRepository {
    const repository = new TemporaryRepository();
    this.cleanup(() => {
      repository.dispose();
    });
    return repository;
  }

  async bus(root: string, options: BusProcessOptions = {}): Promise<BusProcess> {
    const bus = await BusProcess.start(root, options);
    this.cleanup(() => bus.kill());
    return bus;
  }

  /** Starts a client that subscribes, and connects again whenever its connection breaks. */
  observer(name: string, options: ObserverOptions): Observer {
    const observer = new Observer(name, { random: this.random, ...options });
    this.cleanup(() => {
      observer.stop();
    });
    observer.start();
    return observer;
  }

  async proxy(): Promise<Proxy> {
    const proxy = await Proxy.listen(this.random);
    this.cleanup(() => proxy.close());
    return proxy;
  }

  workload(repository: TemporaryRepository, options: WorkloadOptions = {}): Workload {
    return new Workload(repository, this.random, options);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function insist(condition: boolean, why: () => string): asserts condition {
  if (!condition) throw new Error(why());
}

export const held = (rounds: number, note?: string): Outcome => ({ is: 'held', rounds, ...(note ? { note } : {}) });
