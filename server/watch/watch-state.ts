import { pauseMs, type UnixMillis, type WatchState as WireState } from '../../protocol/index.js';
import { readClocks, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';

/** The repository is gone and has not come back within `goneAfterMs`. */
export class RepositoryGoneError extends Error {
  override readonly name = 'RepositoryGoneError';
}

/** The result of a check of the directories. */
export type Finding =
  | { readonly state: 'watching' }
  /** Something cannot be seen: its records stay as they were, and may be old. */
  | { readonly state: 'suspect'; readonly why: string }
  /** The repository is not at its path any more, or another one is. */
  | { readonly state: 'gone'; readonly why: string };

/** The state as heartbeats and `/readyz` report it. */
export interface StateReport {
  readonly state: WireState;
  readonly since?: number;
  readonly why?: string;
}

/**
 * Whether the files can be seen, and if not, since when and why. Each change is logged once. A repository that is gone for
 * longer than `goneAfterMs` is given up.
 */
export class WatchState {
  #finding: Finding = { state: 'watching' };
  #since: UnixMillis | undefined;
  #cancelBound: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly goneAfterMs: number,
    /** Called when the repository has been gone for `goneAfterMs`. */
    private readonly givenUp: (error: RepositoryGoneError) => void,
  ) {}

  get report(): StateReport {
    const finding = this.#finding;
    if (finding.state === 'watching') return { state: 'watching' };
    return { state: finding.state, since: this.#since!, why: finding.why };
  }

  found(finding: Finding): void {
    const before = this.#finding;
    this.#finding = finding;
    if (before.state === finding.state) return;
    this.#since = finding.state === 'watching' ? undefined : (this.#since ?? this.clock.now());
    this.#logChange(before, finding);
    this.#cancelBound?.();
    this.#cancelBound = undefined;
    if (finding.state === 'gone') this.#waitFor();
  }

  stop(): void {
    this.#cancelBound?.();
  }

  #logChange(before: Finding, finding: Finding): void {
    switch (finding.state) {
      case 'watching':
        this.log.info({ was: before.state }, 'all directories can be seen again');
        return;
      case 'suspect':
        this.log.warn({ why: finding.why }, 'not everything can be seen: the records there stay as they were');
        return;
      case 'gone': {
        const { why } = finding;
        this.log.error(
          { why, gone_after_ms: this.goneAfterMs },
          'the repository is gone: its records stay as they were until it is given up',
        );
        return;
      }
    }
  }

  #waitFor(): void {
    const before = readClocks(this.clock);
    this.#cancelBound = this.clock.after(this.goneAfterMs, () => {
      // What is mounted over a network comes back only some time after a sleep.
      if (pauseMs(before, readClocks(this.clock), this.goneAfterMs) > 0) this.#waitFor();
      else this.#giveUp();
    });
  }

  #giveUp(): void {
    const finding = this.#finding;
    if (finding.state !== 'gone') return;
    const seconds = String(this.goneAfterMs / 1_000);
    this.givenUp(new RepositoryGoneError(`${finding.why}, and it has not come back within ${seconds} s`));
  }
}
