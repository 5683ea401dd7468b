import { reasonOf } from './ask-options.js';
import { BusClient, type ClientOptions } from './bus-client.js';
import type { Dial } from './channel.js';

/** A client that has been welcomed. @throws the reason of its signal, where that was why it was not. */
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
