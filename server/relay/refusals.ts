import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { ReportedReasons } from './reported-reasons.js';

/** NATS repeats a refusal at each attempt, which come at least once in this time. */
const RECENT_MS = 10_000;

/**
 * What NATS has refused: the access, or a permission. It says so beside the answers, of which a client then hears none: without this, a
 * wrong password and a missing permission look like a NATS that is away.
 */
export class Refusals {
  #last: { readonly why: string; readonly at: number } | undefined;
  readonly #reported = new ReportedReasons();

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  note(why: string): void {
    this.#last = { why, at: this.clock.elapsed() };
    if (this.#reported.add(kindOf(why))) this.log.warn({}, `NATS refuses: ${why}`);
  }

  /** The last one, if it is of now; `undefined` if nothing was refused lately. */
  get recent(): string | undefined {
    const last = this.#last;
    return last && this.clock.elapsed() - last.at <= RECENT_MS ? last.why : undefined;
  }

  /** Called when NATS has let this process in. */
  over(): void {
    this.#last = undefined;
    this.#reported.clear();
  }
}

/** What is refused for each record of a repository, or again with each attempt, is refused once: subjects by how they begin, no numbers. */
const kindOf = (why: string): string => why.replace(/ \(sid .*\)$/, '').replace(/"((?:[^".]+\.){2})[^"]*"/, '"$1>"');
