import { Supervisor, systemClock, type Log } from '../../../server/index.js';

/** As sysexits.h has it: an internal error of the program. */
export const INTERNAL_ERROR_EXIT = 70;

/** An end that hangs is cut: the journal has been given its three seconds by then. */
const END_MS = 5_000;

/**
 * For errors that were caught nowhere, so that nobody can say what they have left half-done. Resolves with the first: whoever
 * waits stops in order, which keeps the journal whole, and the process ends with {@link INTERNAL_ERROR_EXIT} for its supervisor to
 * start anew.
 */
export function untilUncaughtError(log: Log): Promise<void> {
  const supervisor = new Supervisor(log, systemClock);
  return new Promise((resolve) => {
    const caught = (where: string) => (error: unknown) => {
      supervisor.report(where, error);
      process.exitCode = INTERNAL_ERROR_EXIT;
      setTimeout(() => process.exit(INTERNAL_ERROR_EXIT), END_MS).unref();
      resolve();
    };
    // In the place of what a command that serves nobody does: print it and end at once.
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', caught('uncaught: ending'));
    process.on('unhandledRejection', caught('a rejection that nobody handled: ending'));
  });
}
