import { silentLogger, type Logger } from './logger.js';

/** What is done with an error that somebody's watcher has thrown: nobody else is touched, and it is not lost. */
export class Faults {
  constructor(
    readonly logger: Logger = silentLogger,
    private readonly onError?: (error: unknown) => void,
  ) {}

  /** Calls a watcher. What it throws is reported, as that of an event target's listener is. */
  guard(what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.report(what, error);
    }
  }

  report(what: string, error: unknown): void {
    this.logger.error({ err: error }, `${what} has thrown`);
    if (this.onError) {
      try {
        this.onError(error);
      } catch (another) {
        tell(another);
      }
    } else if (this.logger === silentLogger) {
      tell(error);
    }
  }
}

/** As a browser does it, where there is a window; elsewhere on stderr: in Node `reportError` would end the process. */
function tell(error: unknown): void {
  if ('document' in globalThis && typeof reportError === 'function') reportError(error);
  else console.error(error);
}
