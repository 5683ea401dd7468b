import { randomBytes } from 'node:crypto';
import type { LockHolder, LockText } from './lock-holder.js';
import type { PrivateDirectory } from './private-directory.js';

/** A holder looks for a question once a second. A busy machine and the caches of two ends of a mount may add to that. */
export const ANSWER_PATIENCE_MS = 6_000;
const LOOK_MS = 250;
const QUESTION = /^[0-9a-f]{16}$/;
const MAX_QUESTION_BYTES = 64;

/** How a starting server asks a holder whose process it cannot see, because another kernel runs it. */
export interface Asking {
  wait(ms: number): Promise<void>;
  /** Called before the wait, and after a wait without an answer. */
  say(holder: LockHolder, what: 'asking' | 'silent'): void;
}

/** The file beside a lock in which a starting server asks whether the holder lives. It exists while the lock is held, so that no cache hides it. */
export const questionFile = (lock: string): string => `${lock}.ask`;

/** Asks the holder of a lock for a sign. @returns whether it, or another that took its place meanwhile, has given one. */
export async function answers(
  directory: PrivateDirectory,
  lock: string,
  holder: LockHolder,
  read: () => LockText,
  { wait, say }: Asking,
): Promise<boolean> {
  const question = randomBytes(8).toString('hex');
  say(holder, 'asking');
  directory.replace(questionFile(lock), question);
  for (let waitedMs = 0; waitedMs < ANSWER_PATIENCE_MS; waitedMs += LOOK_MS) {
    await wait(LOOK_MS);
    const now = read();
    // An orderly stop leaves no holder.
    if (now === 'empty') return false;
    if (now === 'unreadable') continue;
    if (now.answered === question || now.claim !== holder.claim || now.pid !== holder.pid) return true;
  }
  say(holder, 'silent');
  return false;
}

/** @returns the question that waits for an answer; `undefined` if there is none. */
export function questionIn(directory: PrivateDirectory, lock: string): string | undefined {
  const found = directory.read(questionFile(lock), MAX_QUESTION_BYTES);
  return found.is === 'content' && QUESTION.test(found.text) ? found.text : undefined;
}
