import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { CheckedDirectories } from './checked-directories.js';
import { isPrompt, checkPlanOf, missesOf, type Completeness, type CheckPlan, type Miss } from './completeness.js';
import { Sweep } from './sweep.js';
import { passingTo, type HintSink, type Watcher } from './watcher.js';

/** Without a hint, the directories on the path are checked this often: a repository that is moved causes no hint. */
const VERIFY_EVERY_MS = 1_000;

/** Before a watcher was chosen, nothing gives a hint. */
const NOTHING: Completeness = {
  names: 'nothing',
  inPlace: 'silent',
  otherEnd: 'silent',
  rearming: 'exact',
  latencyMs: 0,
};

export interface FallbackServices {
  readonly directories: CheckedDirectories;
  readonly clock: Clock;
  readonly options: { readonly reconcileMs: number; readonly pollIntervalMs: number };
  rescan(kind: Kind): Promise<boolean>;
  /** Checks which directories are at the paths, and compares those in doubt. */
  verify(): void;
}

/** Makes up for what the hints of a watcher leave out: knows how complete they are, and looks as often as follows from that. */
export class FallbackChecks {
  readonly #sweep: Sweep;
  #watcher: Watcher | undefined;
  /** The last plan: it is asked for a hundred times a second. */
  #planned: { readonly of: Completeness; readonly plan: CheckPlan } | undefined;
  #cancelLook: (() => void) | undefined;
  /** The time since the directories on the path were checked. */
  #unverifiedMs = 0;

  constructor(private readonly services: FallbackServices) {
    const { clock, directories, rescan } = services;
    this.#sweep = new Sweep({
      clock,
      completeness: () => this.completeness,
      glance: (kind) => directories.glance(kind),
      rescan,
    });
  }

  get completeness(): Completeness {
    return this.#watcher?.completeness ?? NOTHING;
  }

  get plan(): CheckPlan {
    const { completeness } = this;
    if (this.#planned?.of !== completeness)
      this.#planned = { of: completeness, plan: checkPlanOf(completeness, this.services.options) };
    return this.#planned.plan;
  }

  /** What gives no hint, for the health of the watch; empty if hints are complete. */
  get report(): { readonly misses?: readonly Miss[]; readonly compared_every_ms?: number } {
    const misses = missesOf(this.completeness);
    return misses.length === 0 ? {} : { misses, compared_every_ms: this.plan.compareMs };
  }

  /** Whether each change that this system makes gives a hint by the next poll of the loop. */
  get isPrompt(): boolean {
    return this.#watcher?.isHealthy === true && isPrompt(this.completeness);
  }

  /** Whether, up to now, hints alone tell all that may decide about leases. */
  hintsSuffice(kinds: readonly Kind[]): boolean {
    return this.#watcher?.isHealthy === true && this.#sweep.hintsSuffice(kinds);
  }

  /** Looks at the directories now. @returns whether hints have told all of this in a kind's directory, when the loop has polled since. */
  hintedUpToNow(): (kind: Kind) => boolean {
    const isHinted = this.#sweep.hintedUpToNow();
    return (kind) => this.#watcher?.isHealthy === true && isHinted(kind);
  }

  /** Starts a watcher. Its hints go to `sink`. */
  begin(watcher: Watcher, sink: HintSink): void {
    this.#watcher = watcher;
    const noting = passingTo(sink, {
      file: (kind, name) => {
        this.#sweep.hinted(kind);
        sink.file(kind, name);
      },
    });
    watcher.start(noting);
    this.#sweep.begin();
  }

  run(): void {
    this.#lookSoon();
  }

  stop(): void {
    this.#cancelLook?.();
  }

  /** One timer for both: each wakes the processor. */
  #lookSoon(): void {
    const waitMs = Math.min(this.plan.sweepMs, VERIFY_EVERY_MS);
    this.#cancelLook = this.services.clock.after(waitMs, () => {
      this.#unverifiedMs += waitMs;
      if (this.#unverifiedMs >= VERIFY_EVERY_MS) {
        this.#unverifiedMs = 0;
        this.services.verify();
      }
      this.#sweep.look();
      this.#lookSoon();
    });
  }
}
