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

interface Host {
  readonly process?: { emitWarning?(warning: Error): void };
  reportError?(error: unknown): void;
}

/** In Node as a warning: `reportError`, where there is one, may end the process. In a page as its `error` event. */
function tell(error: unknown): void {
  const { process, reportError } = globalThis as Host;
  if (process?.emitWarning) process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  else reportError?.(error);
}
