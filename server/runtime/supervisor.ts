import { createHash } from 'node:crypto';
import type { Kind } from '../../protocol/index.js';
import type { Clock } from './clock.js';
import type { Log } from './log.js';

/** How many errors are logged in a minute. The number of those beyond it is logged with the next line. */
const MAX_LINES = 10;
const WINDOW_MS = 60_000;
const MAX_ERROR_CHARACTERS = 200;

/** Identifies the input that caused an error, without any of its content. */
export interface Fingerprint {
  readonly kind?: Kind;
  readonly id?: string;
  /** The length of the input. */
  readonly bytes?: number;
  /** The SHA-256 of the input, in hexadecimal. */
  readonly sha256?: string;
  /** The number of the connection. */
  readonly connection?: number;
}

export function fingerprintOf(bytes: Uint8Array): Pick<Fingerprint, 'bytes' | 'sha256'> {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Where unexpected errors end. */
export interface Supervision {
  /** Counts and logs an error. */
  report(where: string, error: unknown, input?: Fingerprint): void;
  /** Runs `act`, and reports an error that it throws. @returns whether it threw none. */
  contain(where: string, act: () => void): boolean;
}

/** For parts that run without a server: throws every error again. */
export const UNSUPERVISED: Supervision = {
  report: (_where, error) => {
    throw error;
  },
  contain: (_where, act) => {
    act();
    return true;
  },
};

/**
 * Counts and logs unexpected errors, each in a line `unforeseen`. The line has the fingerprint of the input, so that the input can be found
 * and tried again, and none of its content.
 */
export class Supervisor implements Supervision {
  #count = 0;
  #lines = 0;
  #skipped = 0;
  #windowStart = -Infinity;
  /** The errors that were logged in this window. The same place with the same input is logged once. */
  readonly #logged = new Set<string>();

  constructor(
    private readonly log: Log,
    private readonly clock: Pick<Clock, 'elapsed'>,
  ) {}

  /** The number of errors so far. */
  get count(): number {
    return this.#count;
  }

  report(where: string, error: unknown, input: Fingerprint = {}): void {
    this.#count++;
    const now = this.clock.elapsed();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#lines = 0;
      this.#logged.clear();
    }
    const key = JSON.stringify([where, input]);
    if (this.#logged.has(key) || ++this.#lines > MAX_LINES) {
      this.#skipped++;
      return;
    }
    this.#logged.add(key);
    const skipped = this.#skipped === 0 ? {} : { unsaid_before: this.#skipped };
    this.#skipped = 0;
    this.log.error({ where, ...input, ...firstLineOf(error), ...skipped }, 'unforeseen');
  }

  contain(where: string, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.report(where, error);
      return false;
    }
  }
}

/** Returns the first line of an error, and where it was thrown. A thrown value may be anything, and may have no text. */
function firstLineOf(error: unknown): { readonly error: string; readonly at?: string } {
  try {
    const { name, message, stack } = error as Error;
    const [text = ''] = `${name}: ${message}`.split('\n');
    const at = /^\s+at (.+)$/m.exec(stack ?? '')?.[1];
    return { error: text.slice(0, MAX_ERROR_CHARACTERS), ...(at === undefined ? {} : { at: withoutFolders(at) }) };
  } catch {
    return { error: `a thrown ${typeof error}` };
  }
}

const withoutFolders = (frame: string): string => frame.replace(/(?:file:\/\/)?\/[^():]*\//g, '').slice(0, 120);

/** Returns a clock whose timers report an error of their call instead of ending the process. */
export function supervised(clock: Clock, supervision: Supervision): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    elapsedInSleep: clock.elapsedInSleep ?? 'stops',
    after: (delayMs, call) => clock.after(delayMs, () => void supervision.contain('timer', call)),
    // The code that runs in a turn contains its own errors, because it knows which input it was working on.
    nextTurn: (call) => clock.nextTurn(call),
  };
}
