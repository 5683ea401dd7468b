import { reasonOf } from './ask-options.js';
import { BusClient, type ClientOptions } from './bus-client.js';
import type { Dial } from './channel.js';

/** Returns a client that a server has welcomed. @throws BusError why it was not; the reason of its signal, if the signal aborted. */
export async function opened(dial: Dial, options: ClientOptions): Promise<BusClient> {
  const { signal } = options;
  if (signal?.aborted) throw reasonOf(signal);
  const client = new BusClient(dial, options);
  try {
    await client.open();
  } catch (error) {
    throw signal?.aborted ? reasonOf(signal) : error;
  }
  return client;
}
