import { isatty } from 'node:tty';

/** How long the process may live after the server has stopped. With the journal's three seconds, stopping takes at most five. */
const EXIT_TIMEOUT_MS = 1_000;

/** Calls back at the first SIGINT or SIGTERM. @returns a function that removes the handlers. */
export function onSignal(call: () => void): () => void {
  process.once('SIGINT', call).once('SIGTERM', call);
  return () => void process.off('SIGINT', call).off('SIGTERM', call);
}

/**
 * SIGHUP is either a request to reload, or a sign that the terminal is closed. On Windows, where nobody can send it, Node makes it when the
 * console is closed, and the system ends the process a few seconds later.
 */
const hasTerminal = (): boolean => isatty(0);
const startedOnTerminal = hasTerminal();
const isTerminalClosed = (): boolean => process.platform === 'win32' || (startedOnTerminal && !hasTerminal());

/** Calls back at each SIGHUP that does not close the terminal. @returns a function that removes the handler. */
export function onReload(call: () => void): () => void {
  const reload = (): void => {
    if (!isTerminalClosed()) call();
  };
  process.on('SIGHUP', reload);
  return () => void process.off('SIGHUP', reload);
}

/**
 * Resolves with the first SIGINT, SIGTERM or signal of `others`, or when the terminal is closed. A second SIGINT or SIGTERM
 * ends the process at once.
 */
export function untilSignal(...others: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((done) => {
    const first = (): void => {
      process.on('SIGINT', () => endBy('SIGINT')).on('SIGTERM', () => endBy('SIGTERM'));
      done();
    };
    process.once('SIGINT', first).once('SIGTERM', first);
    for (const signal of others) process.once(signal, first);
    // Ctrl+Break, and what a service manager of Windows can send to a group of processes.
    if (process.platform === 'win32') process.once('SIGBREAK', first);
    process.on('SIGHUP', () => {
      if (isTerminalClosed()) first();
    });
  });
}

/** To be called after stopping: ends the process within a second, even if a thread still waits for a disk. */
export function endSoon(): void {
  setTimeout(() => endBy('SIGTERM'), EXIT_TIMEOUT_MS).unref();
}

/** Ends the process as the kernel does. `process.exit` would wait for a thread that waits for a disk. */
function endBy(signal: 'SIGINT' | 'SIGTERM'): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
