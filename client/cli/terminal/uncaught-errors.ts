import { Supervisor, systemClock, type Log } from '../../../server/index.js';

/** An internal error, by the convention of sysexits.h. */
export const INTERNAL_ERROR_EXIT = 70;

/** If stopping hangs, the process exits after this time. The journal may take three seconds of it. */
const EXIT_TIMEOUT_MS = 5_000;

/**
 * Resolves with the first uncaught error, after which the state of the process is unknown. The caller then stops in order,
 * which keeps the journal intact, and the process ends with {@link INTERNAL_ERROR_EXIT}, so that its supervisor restarts it.
 */
export function untilUncaughtError(log: Log): Promise<void> {
  const supervisor = new Supervisor(log, systemClock);
  return new Promise((resolve) => {
    const caught = (where: string) => (error: unknown) => {
      supervisor.report(where, error);
      process.exitCode = INTERNAL_ERROR_EXIT;
      setTimeout(() => process.exit(INTERNAL_ERROR_EXIT), EXIT_TIMEOUT_MS).unref();
      resolve();
    };
    // Replaces the handler of commands without a server, which prints the error and exits at once.
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', caught('uncaught error: ending'));
    process.on('unhandledRejection', caught('unhandled rejection: ending'));
  });
}
