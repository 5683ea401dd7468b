import { BusClient, type ClientOptions } from './bus-client.js';
import { readEndpoint } from './endpoint-file.js';
import { nodeDial } from './node-channel.js';

export interface ConnectOptions extends ClientOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. @default what the repository's endpoint file says */
  readonly url?: string;
  /** @default what the repository's endpoint file says */
  readonly token?: string;
  /** A directory in the repository whose bus is wanted. @default the working directory */
  readonly root?: string;
}

/**
 * Connects to a bus: with nothing said, to that of the repository around the working directory.
 * @throws BusError `no-endpoint`, `unreachable`, `unauthorized`, `forbidden`
 */
export async function connect(options: ConnectOptions = {}): Promise<BusClient> {
  const { url, token, root = process.cwd(), ...rest } = options;
  const find = () => {
    if (url !== undefined && token !== undefined) return { url, token };
    const found = readEndpoint(root);
    return { url: url ?? found.url, token: token ?? found.token };
  };
  const client = new BusClient(nodeDial(find), rest);
  await client.open();
  return client;
}
