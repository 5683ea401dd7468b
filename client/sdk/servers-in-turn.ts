import type { BusErrorCode } from './bus-error.js';
import type { Channel, Dial } from './channel.js';
import { BusError } from './bus-error.js';
import { checkUrl } from './bus-url.js';

/** Failures that another server may not have. A refused token, an untrusted certificate or another protocol is an error of the caller. */
const ELSEWHERE: ReadonlySet<BusErrorCode> = new Set<BusErrorCode>(['unreachable']);

/** Which of several equal servers is next. */
export class ServersInTurn {
  #next: number;

  /** Begins with a random one, so that many clients with the same list spread over all of them. @throws BusError if a url is invalid. */
  constructor(
    private readonly urls: readonly string[],
    random: () => number = Math.random,
  ) {
    for (const url of urls) checkUrl(url);
    if (urls.length === 0) throw new BusError('bad-option', 'the list of urls is empty', 'give at least one');
    this.#next = Math.floor(random() * urls.length);
  }

  /**
   * A dial that takes the next server at each attempt. One that cannot be reached is passed over for the next, until each was tried once:
   * then the attempt has failed, with the error of the last.
   */
  dial(dialAt: (url: string) => Dial): Dial {
    const { urls } = this;
    return (listener) => {
      let left = urls.length;
      let isClosed = false;
      const begin = (): Channel => {
        left--;
        let isHeard = false;
        return dialAt(this.#take())({
          message: (message) => {
            isHeard = true;
            listener.message(message);
          },
          closed: (code, reason, error) => {
            const isElsewhere = !isHeard && (error === undefined || ELSEWHERE.has(error.code));
            if (isElsewhere && left > 0 && !isClosed) channel = begin();
            else listener.closed(code, reason, error);
          },
        });
      };
      let channel = begin();
      return {
        send: (message) => {
          channel.send(message);
        },
        bytesOf: (message) => channel.bytesOf(message),
        close: () => {
          isClosed = true;
          channel.close();
        },
      };
    };
  }

  #take(): string {
    const url = this.urls[this.#next % this.urls.length]!;
    this.#next++;
    return url;
  }
}
