import type { Log } from '../runtime/log.js';
import type { ToldState } from './publisher-state.js';
import { ReportedReasons } from './reported-reasons.js';

/** Logs the states of a publisher: a line for each change of the state, and for each further reason why nothing is published. */
export class PublisherLog {
  #state: ToldState | undefined;
  readonly #reported = new ReportedReasons();

  constructor(private readonly log: Log) {}

  tell(state: ToldState, reason: string, fields: object): void {
    // What differs in a sequence or a time only is the same reason.
    const isNew = this.#reported.add(reason.replaceAll(/\d+/g, '#'));
    if (state === this.#state && !isNew) return;
    this.#state = state;
    switch (state) {
      case 'publishing':
        this.#reported.clear();
        this.log.info(fields, 'publishing to NATS');
        return;
      case 'away':
        this.log.warn(fields, `not publishing: ${reason}; events are kept in the history and sent later`);
        return;
      case 'refused':
        this.log.error(fields, `not publishing, because NATS refuses it: ${reason}; it is tried again`);
        return;
      case 'taken':
        this.log.error(fields, `not publishing: ${reason}; it is tried again`);
        return;
      case 'stopped':
        return;
    }
  }
}

/** Returns why a publisher in this state publishes nothing. Nobody needs a token to read it, and JetStream names files of its store. */
export function whyNot(state: ToldState, reason: string): string | undefined {
  if (state === 'publishing' || state === 'stopped') return undefined;
  return state === 'taken' ? 'another origin publishes it' : reason.replaceAll(/(^|[\s"'(])\/[^\s:"']+/g, '$1…');
}
