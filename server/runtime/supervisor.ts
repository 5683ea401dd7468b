import { createHash } from 'node:crypto';
import type { Kind } from '../../protocol/index.js';
import type { Clock } from './clock.js';
import type { Log } from './log.js';

/** So many lines in a minute; what goes beyond is counted and said with the next one. */
const MAX_LINES = 10;
const WINDOW_MS = 60_000;
const MAX_ERROR_CHARACTERS = 200;

/** What an error was met over, without a word of what it says. */
export interface Fingerprint {
  readonly kind?: Kind;
  readonly id?: string;
  /** Of the input: how many bytes, and their SHA-256. */
  readonly bytes?: number;
  readonly sha256?: string;
  /** The connection. */
  readonly connection?: number;
}

export function fingerprintOf(bytes: Uint8Array): Pick<Fingerprint, 'bytes' | 'sha256'> {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Where errors end that nobody has foreseen. */
export interface Supervision {
  /** Takes note of one. */
  report(where: string, error: unknown, input?: Fingerprint): void;
  /** Runs; what is thrown is reported and goes no further. @returns whether nothing was. */
  contain(where: string, act: () => void): boolean;
}

/** For parts that stand alone: an error is thrown on. */
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
 * Says and counts what nobody has foreseen: one line `unforeseen` for each, with the input's fingerprint, so that it can be found
 * and tried again, and nothing of its content.
 */
export class Supervisor implements Supervision {
  #count = 0;
  #lines = 0;
  #unsaid = 0;
  #windowStart = -Infinity;
  /** What has been said in this window: the same over the same input is said once. */
  readonly #said = new Set<string>();

  constructor(
    private readonly log: Log,
    private readonly clock: Pick<Clock, 'elapsed'>,
  ) {}

  /** Errors so far. */
  get count(): number {
    return this.#count;
  }

  report(where: string, error: unknown, input: Fingerprint = {}): void {
    this.#count++;
    const now = this.clock.elapsed();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#lines = 0;
      this.#said.clear();
    }
    const key = JSON.stringify([where, input]);
    if (this.#said.has(key) || ++this.#lines > MAX_LINES) {
      this.#unsaid++;
      return;
    }
    this.#said.add(key);
    const unsaid = this.#unsaid === 0 ? {} : { unsaid_before: this.#unsaid };
    this.#unsaid = 0;
    this.log.error({ where, ...input, ...firstLineOf(error), ...unsaid }, 'unforeseen');
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

/** What an error says first, and where it was thrown; a thrown value may be anything, and may not even have a text. */
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

/** A clock whose timers end nothing when what they call fails. */
export function supervised(clock: Clock, supervision: Supervision): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    after: (delayMs, call) => clock.after(delayMs, () => void supervision.contain('timer', call)),
    // What is stepped in a turn contains its own faults, because it knows what it was working on.
    nextTurn: (call) => clock.nextTurn(call),
  };
}
