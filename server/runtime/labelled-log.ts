import type { Log } from './log.js';

/** A log that adds fields to each line, so that lines of several parts can be distinguished. */
export function labelledLog(log: Log, labels: object): Log {
  return {
    debug: (fields, message) => {
      log.debug({ ...labels, ...fields }, message);
    },
    info: (fields, message) => {
      log.info({ ...labels, ...fields }, message);
    },
    warn: (fields, message) => {
      log.warn({ ...labels, ...fields }, message);
    },
    error: (fields, message) => {
      log.error({ ...labels, ...fields }, message);
    },
  };
}
