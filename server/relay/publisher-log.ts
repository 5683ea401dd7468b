import type { Log } from '../runtime/log.js';
import type { ToldState } from './publisher-state.js';

/** How many reasons are told of one outage, at most. */
const MOST_TOLD = 16;

/** Logs the states of a publisher: a line for each change of the state, and for each further reason why nothing is published. */
export class PublisherLog {
  #state: ToldState | undefined;
  readonly #told = new Set<string>();

  constructor(private readonly log: Log) {}

  tell(state: ToldState, reason: string, fields: object): void {
    // What differs in a sequence or a time only is the same reason.
    const kind = reason.replaceAll(/\d+/g, '#');
    if (state === this.#state && (this.#told.has(kind) || this.#told.size === MOST_TOLD)) return;
    this.#state = state;
    this.#told.add(kind);
    switch (state) {
      case 'publishing':
        this.#told.clear();
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
