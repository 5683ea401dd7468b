import type { AddressContext } from '../../protocol/index.js';
import type { BusClient } from '../bus-client.js';
import { BusError } from '../bus-error.js';
import { addressContext } from './address-context.js';
import { findSource, type Source } from './source.js';
import type { Target } from './target.js';
import type { Terminal } from './terminal.js';

/** How long an answer may take before the model is told that there is none. */
export const PATIENCE_MS = 10_000;

/**
 * The bus as tools need it: found at the first call and again after it was lost for good, so that the order in which a
 * bus and a model are started does not matter.
 */
export class McpBus {
  #source: Promise<Source> | undefined;

  constructor(
    private readonly target: Target,
    private readonly terminal: Pick<Terminal, 'err'>,
  ) {}

  /** What a path is relative to. */
  get addresses(): AddressContext {
    return addressContext(this.target);
  }

  /** @throws BusError, or Failure where there is no repository */
  async client(): Promise<BusClient> {
    const { client } = await this.#find();
    if (client.status.state !== 'closed') return client;
    await this.close();
    return (await this.#find()).client;
  }

  async close(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    // Where none was found there is nothing to close.
    await source?.then(
      ({ stop }) => stop(),
      () => undefined,
    );
  }

  async #find(): Promise<Source> {
    this.#source ??= findSource(this.target, this.terminal);
    try {
      return await this.#source;
    } catch (error) {
      this.#source = undefined;
      throw error;
    }
  }
}

export function noAnswer(): BusError {
  const text = `no answer from the bus in ${String(PATIENCE_MS / 1_000)} s`;
  return new BusError('unreachable', text, 'is it running? muse-bus serve starts one');
}

/** @throws BusError `unreachable` where there is no answer in time. */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(noAnswer());
    }, PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
