import { silentLogger, type Logger } from './logger.js';

/** Catches and reports the errors that watchers throw, so that no other watcher and not the client fails. */
export class Faults {
  constructor(
    readonly logger: Logger = silentLogger,
    private readonly onError?: (error: unknown) => void,
  ) {}

  /**
   * Calls a watcher and reports what it throws, as a DOM event target does for its listeners. What an async one rejects with is reported
   * too: nobody else has its promise, and the end of the process would be the answer.
   */
  guard<Args extends unknown[]>(what: string, watcher: (...args: Args) => unknown, ...args: Args): void {
    try {
      const result = watcher(...args);
      if (result instanceof Promise)
        result.catch((error: unknown) => {
          this.report(what, error);
        });
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

/** Reports an error: in Node as a warning of the process, because `reportError` may end the process; in a page as an `error` event. */
function tell(error: unknown): void {
  const { process, reportError } = globalThis as Host;
  if (process?.emitWarning) process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  else reportError?.(error);
}
