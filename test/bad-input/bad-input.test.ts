import { get } from 'node:http';
import t, { type Test } from 'tap';
import { FakeBus } from '../../client/sdk/testing.js';
import { type Encoding, MessageType } from '../../protocol/index.js';
import { serve, TRANSPORTS } from '../support/running-server.js';
import {
  commandInputs,
  httpInputs,
  sdkInputs,
  servedHttpInputs,
  serverInputs,
  settingInputs,
  toolInputs,
  wireInputs,
  type BadInput,
} from './surfaces.js';
import { RawClient } from '../support/raw-client.js';

/** What was said; empty where the input was taken. */
async function refusal({ give }: BadInput): Promise<string> {
  try {
    const said = await Promise.resolve(give());
    return typeof said === 'string' ? said : '';
  } catch (error) {
    const { message, hint } = error as Error & { readonly hint?: string };
    return `${message} ${hint ?? ''}`;
  }
}

/** One assertion for a surface, which shows every input that was not refused by name. */
async function allRefused(t: Test, inputs: readonly BadInput[]): Promise<void> {
  const taken: string[] = [];
  for (const input of inputs) {
    const said = await refusal(input);
    const plain = said.replaceAll('"', '');
    if (input.names.every((name) => plain.includes(name))) continue;
    taken.push(`${input.where} ${input.input} must name ${input.names.join(' and ')}: ${said}`);
  }
  t.ok(inputs.length > 0);
  t.same(taken, [], `${String(inputs.length)} inputs`);
}

t.test('the SDK refuses by name every option that is unknown, misspelt or of a wrong type', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  t.teardown(async () => {
    await bus.close();
    fake.stop();
  });
  await allRefused(t, sdkInputs(bus, mirror));
});

t.test('so does a server in a program', (t) => allRefused(t, serverInputs()));

t.test('so does every command of its flags', async (t) => allRefused(t, await commandInputs()));

t.test('so does every tool of its arguments', (t) => allRefused(t, toolInputs()));

t.test('so does every source of its settings', (t) => allRefused(t, settingInputs()));

t.test('so does every path of its parameters', (t) => allRefused(t, httpInputs()));

for (const transport of TRANSPORTS) {
  t.test(`so do both encodings and every path over ${transport}`, async (t) => {
    const running = await serve(t, { transport, limits: { maxRefusalsPerSecond: 1_000_000 } });
    for (const encoding of ['msgpack', 'json'] satisfies Encoding[]) {
      const client = await RawClient.welcomed(running.endpoint, { encoding });
      t.teardown(() => {
        client.terminate();
      });
      await allRefused(
        t,
        wireInputs(async (message) => {
          const before = client.messages.filter(([type]) => type === MessageType.error).length;
          client.send(message);
          // What is asked after it is answered after it: an input that was taken shows at once.
          const nonce = Math.floor(Math.random() * 2 ** 31);
          client.send([MessageType.ping, nonce]);
          await client.received(MessageType.pong, (answer) => answer[1] === nonce);
          return client.messages.filter(([type]) => type === MessageType.error)[before]?.[3] as string | undefined;
        }),
      );
    }
    const ask = (path: string) =>
      new Promise<{ status: number; body: string }>((resolve, reject) => {
        const headers = { authorization: `Bearer ${running.token}` };
        const request = get({ host: '127.0.0.1', port: running.port, path, headers, agent: false }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            body += part;
            if (response.statusCode === 200) request.destroy();
          });
          response.on('close', () => {
            resolve({ status: response.statusCode ?? 0, body });
          });
        });
        request.on('error', reject);
      });
    await allRefused(t, servedHttpInputs(ask));
  });
}
