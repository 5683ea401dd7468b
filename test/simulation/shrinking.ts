import type { Rule, Violation } from './judge/judge.js';
import type { LifePlan } from './world/plan.js';

/** Runs the life of a plan. */
export type Live = (plan: LifePlan) => Promise<{ readonly violation: Violation | undefined }>;

export interface Shrunk {
  readonly plan: LifePlan;
  readonly violation: Violation;
  /** The number of lives that the shrinking took. */
  readonly lives: number;
}

/** The most lives for one shrinking. */
const MAX_LIVES = 200;
/** How long a life continues after the violation. */
const AFTER_MS = 500;
/** Faults shorter than this are not shortened. */
const MIN_FAULT_MS = 2;

/**
 * Makes a violating life short: removes faults, clients and agents, ends it earlier, halves durations, and uses plain
 * options, as long as the same rule is violated. A plan is data, and each actor draws from a stream of its own, so what is
 * left behaves much as before.
 * @param isOver asked before each life; `true` ends with the shortest life so far.
 */
export async function shrink(plan: LifePlan, violation: Violation, live: Live, isOver = (): boolean => false) {
  const shrinking = new Shrinking(plan, violation, live, isOver);
  return shrinking.run();
}

class Shrinking {
  readonly #rule: Rule;
  #lives = 0;

  constructor(
    private plan: LifePlan,
    private violation: Violation,
    private readonly live: Live,
    private readonly isOver: () => boolean,
  ) {
    this.#rule = violation.rule;
  }

  async run(): Promise<Shrunk> {
    await this.#earlier();
    for (let before = -1; before !== sizeOf(this.plan) && this.#hasBudget;) {
      before = sizeOf(this.plan);
      await this.#fewer('faults');
      await this.#fewerOfRelay();
      await this.#fewer('clients');
      await this.#fewer('agents');
      await this.#earlier();
      await this.#briefer();
    }
    await this.#plainer();
    return { plan: this.plan, violation: this.violation, lives: this.#lives };
  }

  get #hasBudget(): boolean {
    return this.#lives < MAX_LIVES && !this.isOver();
  }

  /** Accepts a plan if its life violates the same rule. */
  async #try(change: Partial<LifePlan>): Promise<boolean> {
    if (!this.#hasBudget) return false;
    this.#lives++;
    const plan = { ...this.plan, ...change };
    const { violation } = await this.live(plan);
    if (violation?.rule !== this.#rule) return false;
    this.plan = plan;
    this.violation = violation;
    return true;
  }

  /** Removes as many items of a list as possible: first halves, at the end single items. */
  async #fewer(list: 'faults' | 'clients' | 'agents'): Promise<void> {
    for (let size = Math.ceil(this.plan[list].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < this.plan[list].length && this.#hasBudget;) {
        const stays = (_: unknown, i: number): boolean => i < at || i >= at + size;
        const all: readonly unknown[] = this.plan[list];
        const { relay } = this.plan;
        // The servers of the clients are a second list, in the same order.
        const places = list === 'clients' && relay ? { relay: { ...relay, places: relay.places.filter(stays) } } : {};
        const isLeftOut = await this.#try({ [list]: all.filter(stays), ...places });
        if (!isLeftOut) at += size;
      }
    }
  }

  async #fewerOfRelay(): Promise<void> {
    if (this.plan.relay && (await this.#try({ relay: undefined }))) return;
    for (let at = 0; this.plan.relay && at < this.plan.relay.faults.length && this.#hasBudget;) {
      const { relay } = this.plan;
      if (!(await this.#try({ relay: { ...relay, faults: relay.faults.filter((_, i) => i !== at) } }))) at++;
    }
  }

  async #earlier(): Promise<void> {
    const { activeMs } = this.plan;
    // A violation that shows only at rest needs the whole time of rest.
    const isAtRest = this.violation.atMs > activeMs;
    if (!isAtRest) {
      const endMs = Math.ceil(this.violation.atMs) + AFTER_MS;
      if (endMs < activeMs) await this.#try(endingAt(this.plan, endMs));
      return;
    }
    for (let cutMs = activeMs / 2; cutMs > AFTER_MS && this.#hasBudget; cutMs /= 2) {
      const endMs = Math.round(this.plan.activeMs - cutMs);
      if (endMs > 0) await this.#try(endingAt(this.plan, endMs));
    }
  }

  async #briefer(): Promise<void> {
    for (let i = 0; i < this.plan.faults.length; i++) {
      const halved = (): Partial<LifePlan> => ({
        faults: this.plan.faults.map((fault, j) =>
          i === j ? { ...fault, forMs: Math.floor(fault.forMs / 2) } : fault,
        ),
      });
      while (this.plan.faults[i]!.forMs > MIN_FAULT_MS && (await this.#try(halved())));
    }
  }

  async #plainer(): Promise<void> {
    const { options } = this.plan;
    if (this.plan.isJournalled) await this.#try({ isJournalled: false });
    await this.#try({ network: { latencyMs: 0.05, jitterMs: 0, kernelBytes: 262_144 } });
    await this.#try({ options: { ...options, maxHistoryEvents: 100_000 } });
    await this.#try({ options: { ...this.plan.options, maxQueuedBytes: 262_144 } });
    await this.#try({ agents: this.plan.agents.map((agent) => ({ ...agent, style: 'rename' })) });
  }
}

function endingAt({ faults, relay }: LifePlan, activeMs: number): Partial<LifePlan> {
  const isBefore = ({ atMs }: { readonly atMs: number }): boolean => atMs < activeMs;
  const before = relay && { ...relay, faults: relay.faults.filter(isBefore) };
  return { activeMs, faults: faults.filter(isBefore), relay: before };
}

/** The size of a plan, by which plans are compared. */
function sizeOf({ faults, clients, agents, activeMs, relay }: LifePlan): number {
  const lastingMs = faults.reduce((sum, { forMs }) => sum + forMs, 0);
  return (relay ? 1 + relay.faults.length : 0) + faults.length + clients.length + agents.length + activeMs + lastingMs;
}
