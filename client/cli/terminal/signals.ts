import { isatty } from 'node:tty';

/** A timer does not reach further. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What is left of the five seconds that a stop may take, once the journal has been given its three. */
const OVERDUE_MS = 1_000;

/** Calls at the first SIGINT or SIGTERM. @returns takes the handlers away again. */
export function onSignal(call: () => void): () => void {
  process.once('SIGINT', call).once('SIGTERM', call);
  return () => void process.off('SIGINT', call).off('SIGTERM', call);
}

/** SIGHUP comes from somebody who wants a reload, or from a terminal that is being closed. */
const hasTerminal = (): boolean => isatty(0);
const beganOnTerminal = hasTerminal();
const terminalIsGone = (): boolean => beganOnTerminal && !hasTerminal();

/** Calls at every SIGHUP that is not the end of the terminal. @returns takes the handler away again. */
export function onReload(call: () => void): () => void {
  const reload = (): void => {
    if (!terminalIsGone()) call();
  };
  process.on('SIGHUP', reload);
  return () => void process.off('SIGHUP', reload);
}

/**
 * Resolves with the first SIGINT, SIGTERM, or one of `others`, or when the terminal is closed; a second SIGINT or SIGTERM
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
    process.on('SIGHUP', () => {
      if (terminalIsGone()) first();
    });
  });
}

/** To be called when all is done: ends the process in a second though a disk still keeps one of its threads waiting. */
export function endSoon(): void {
  setTimeout(() => endBy('SIGTERM'), OVERDUE_MS).unref();
}

/** As the kernel does it: `process.exit` would wait for a thread that a disk keeps waiting. */
function endBy(signal: 'SIGINT' | 'SIGTERM'): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Calls after a time that begins anew with every `restart`; never where there is none. */
export class Deadline {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delayMs: number | undefined,
    private readonly call: () => void,
  ) {}

  restart(): void {
    clearTimeout(this.#timer);
    if (this.delayMs === undefined) return;
    this.#timer = setTimeout(this.call, Math.min(this.delayMs, MAX_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
