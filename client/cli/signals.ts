/** A timer does not reach further. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls at the first SIGINT or SIGTERM. @returns takes the handlers away again. */
export function onSignal(call: () => void): () => void {
  process.once('SIGINT', call).once('SIGTERM', call);
  return () => void process.off('SIGINT', call).off('SIGTERM', call);
}

/** Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilSignal(): Promise<void> {
  return new Promise((done) => {
    const first = (): void => {
      process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143));
      done();
    };
    process.once('SIGINT', first).once('SIGTERM', first);
  });
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
    this.#timer = setTimeout(this.call, Math.min(this.delayMs, LONGEST_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
