import type { Log } from '../runtime/log.js';
import type { ToldState } from './publisher-state.js';

/** Logs a change of a publisher's state, one line for each. */
export function logState(log: Log, state: ToldState, reason: string, fields: object): void {
  switch (state) {
    case 'publishing':
      log.info(fields, 'publishing to NATS');
      return;
    case 'away':
      log.warn(fields, `not publishing: ${reason}; events are kept in the history and sent later`);
      return;
    case 'refused':
      log.error(fields, `not publishing, because NATS refuses it: ${reason}; it is tried again`);
      return;
    case 'taken':
      log.error(fields, `not publishing: ${reason}; it is tried again`);
      return;
    case 'stopped':
      return;
  }
}
