import { visibleText, type AddressContext } from '../../../protocol/index.js';
import type { BusClient } from '../../sdk/bus-client.js';
import { BusError } from '../../sdk/bus-error.js';
import type { Mirror } from '../../sdk/mirror.js';
import type { BusStatus } from '../../sdk/status.js';
import { addressContext } from '../commands/address-context.js';
import { otherRepositoryNote } from '../commands/other-repository.js';
import { findSource, type Source } from '../commands/source.js';
import type { Target } from '../commands/target.js';
import type { Terminal } from '../terminal/terminal.js';

/** How long an answer may take before a tool fails. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** After this long without a connection the bus counts as away. */
const AWAY_AFTER_MS = 1_000;

/**
 * The bus that the tools use. It is looked for at the first call, and again after it was lost for good, so the bus and the model may start
 * in any order.
 */
export class McpBus {
  #source: Promise<Source> | undefined;
  readonly #mirrors = new Map<'leases' | 'records', Promise<Mirror>>();
  #awaySince: number | undefined;

  /** @param target reads which bus is named, at each search: a restarted server writes its endpoint file again. */
  constructor(
    private readonly target: () => Target,
    private readonly terminal: Pick<Terminal, 'err'>,
  ) {}

  /** The directories that paths are relative to. */
  get addresses(): AddressContext {
    return addressContext(this.#targetIfAny());
  }

  /** What the model must know of the bus: that it is of another repository than the one around the working directory. */
  get note(): string | undefined {
    const note = otherRepositoryNote(this.#targetIfAny());
    return note === undefined ? undefined : visibleText(note);
  }

  /** Since when the bus is away, Unix milliseconds; `undefined` if it is not away. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  /**
   * A connected client. If the bus does not come back soon, another server or the files take its place.
   * @throws BusError, or CliError if there is no repository
   */
  async client(): Promise<BusClient> {
    const source = this.#find();
    const { client } = await source;
    if (await comesBack(client)) return client;
    // Another call may have closed it already.
    if (this.#source === source) await this.close();
    return (await this.#find()).client;
  }

  /** A mirror of all leases, kept up to date from the first call on. */
  leases(): Promise<Mirror> {
    return this.#mirror('leases');
  }

  /** A mirror of all records, kept up to date from the first call on. */
  records(): Promise<Mirror> {
    return this.#mirror('records');
  }

  async #mirror(of: 'leases' | 'records'): Promise<Mirror> {
    const client = await this.client();
    return inTime(this.#mirrors.get(of) ?? this.#open(of, client));
  }

  /** One that cannot be opened, or that ends, is opened again by the next call. */
  #open(of: 'leases' | 'records', client: BusClient): Promise<Mirror> {
    const opening = client.mirror(of === 'leases' ? { kinds: ['reservation'] } : {});
    this.#mirrors.set(of, opening);
    const forget = (): void => {
      if (this.#mirrors.get(of) === opening) this.#mirrors.delete(of);
    };
    opening.then(({ closed }) => closed).then(forget, forget);
    return opening;
  }

  async close(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    this.#mirrors.clear();
    // If no bus was found, there is nothing to close.
    await source?.then(
      ({ stop }) => stop(),
      () => undefined,
    );
  }

  #find(): Promise<Source> {
    if (this.#source) return this.#source;
    const finding = this.#findSource().then(
      (source) => {
        this.#follow(source.client);
        return source;
      },
      (error: unknown) => {
        this.#awaySince ??= Date.now();
        if (this.#source === finding) this.#source = undefined;
        throw error;
      },
    );
    this.#source = finding;
    return finding;
  }

  async #findSource(): Promise<Source> {
    return findSource(this.target(), this.terminal);
  }

  /** What cannot be read is said by the call that needs the bus. */
  #targetIfAny(): Target {
    try {
      return this.target();
    } catch {
      return { root: undefined, server: undefined };
    }
  }

  #follow(client: BusClient): void {
    const note = ({ state }: BusStatus): void => {
      if (state === 'live') this.#awaySince = undefined;
      else this.#awaySince ??= Date.now();
    };
    note(client.status);
    client.watchStatus(note);
  }
}

/** Resolves when the bus has been away for {@link AWAY_AFTER_MS}, or the client is closed; never if the signal aborts before. */
export function goneAway(client: BusClient, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const note = ({ state }: BusStatus): void => {
      if (state === 'closed') resolve();
      else if (state !== 'live') timer ??= setTimeout(resolve, AWAY_AFTER_MS);
      else {
        clearTimeout(timer);
        timer = undefined;
      }
    };
    const forget = client.watchStatus(note);
    note(client.status);
    const stop = (): void => {
      clearTimeout(timer);
      forget();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Whether a client is connected, or reconnects before the bus counts as away. */
async function comesBack(client: BusClient): Promise<boolean> {
  if (client.status.state === 'live') return true;
  const over = new AbortController();
  const back = new Promise<void>((resolve) => {
    const forget = client.watchStatus(({ state }) => {
      if (state === 'live') resolve();
    });
    over.signal.addEventListener('abort', forget, { once: true });
  });
  await Promise.race([back, goneAway(client, over.signal)]);
  over.abort();
  return (client.status as BusStatus).state === 'live';
}

export function noAnswer(): BusError {
  const text = `no answer from the bus in ${String(ANSWER_TIMEOUT_MS / 1_000)} s`;
  return new BusError('unreachable', text, 'is it running? muse-bus serve starts one');
}

/** @throws BusError `unreachable` if there is no answer in time. */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(noAnswer());
    }, ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
