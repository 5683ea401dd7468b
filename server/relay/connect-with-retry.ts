import { delay, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { OptionError } from '../config/option-error.js';
import { openSecretsOf } from './nats-credentials.js';
import { AccessRefusedError, type Broker, type ConnectBroker } from './broker.js';
import type { RelayAccess } from '../config/relay-options.js';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;

export interface Patience {
  readonly connect: ConnectBroker;
  readonly clock: Clock;
  readonly log: Log;
  readonly isOver: () => boolean;
  /** Called after each failed attempt with its reason, without addresses: anybody may read it in `/readyz`. */
  readonly failed?: (why: string) => void;
  /** Whether a refused access is an error. `never-up` tries again after that, too. */
  readonly gives: 'up-when-refused' | 'never-up';
}

/**
 * Connects, and tries again until NATS answers. It logs a reason when it differs from the last one.
 * @returns `undefined` if `isOver` is true before NATS answers.
 * @throws OptionError if a new attempt cannot succeed.
 */
export async function connectWithRetry(
  access: RelayAccess,
  name: string,
  patience: Patience,
): Promise<Broker | undefined> {
  const { connect, log, isOver, failed, gives } = patience;
  for (const file of openSecretsOf(access))
    log.warn({ file }, 'other users of this host can read this secret: chmod 600');
  let lastMessage = '';
  for (let pause = FIRST_PAUSE_MS; !isOver(); pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
    try {
      const broker = await connect(access, name);
      if (!isOver()) return broker;
      await broker.close();
    } catch (error) {
      if (error instanceof OptionError) throw error;
      const { message } = error as Error;
      if (error instanceof AccessRefusedError && gives === 'up-when-refused') {
        throw new OptionError(`NATS at ${access.servers.join(', ')} refuses this access: ${message}`);
      }
      if (message !== lastMessage) log.warn({ servers: access.servers }, `NATS cannot be reached: ${message}`);
      lastMessage = message;
      failed?.(reasonOf(error as Error));
      await rest(pause, patience);
    }
  }
  return undefined;
}

/** Names the error, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
function reasonOf({ message, code = '', cause }: NodeJS.ErrnoException): string {
  const { code: causeCode = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  const name = /\b[A-Z][A-Z_]{3,}\b/.exec(`${code} ${causeCode} ${message}`)?.[0];
  return `NATS cannot be reached (${name ?? (/^[a-z ]+$/i.test(message) ? message : 'see the log')})`;
}

/** Waits in short pieces, because `isOver` may become true meanwhile. */
async function rest(pauseMs: number, { clock, isOver }: Patience): Promise<void> {
  for (let left = pauseMs; left > 0 && !isOver(); left -= FIRST_PAUSE_MS) {
    await delay(clock, Math.min(left, FIRST_PAUSE_MS));
  }
}
