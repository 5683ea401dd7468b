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

/** Passes an input to its surface. @returns the text of the refusal; empty where the surface accepted the input */
async function refusal({ give }: BadInput): Promise<string> {
  try {
    const answer = await Promise.resolve(give());
    return typeof answer === 'string' ? answer : '';
  } catch (error) {
    const { message, hint } = error as Error & { readonly hint?: string };
    return `${message} ${hint ?? ''}`;
  }
}

/** Asserts that a surface refuses all inputs and names the fault; a failure lists the inputs for which it does not. */
async function allRefused(t: Test, inputs: readonly BadInput[]): Promise<void> {
  const notNamed: string[] = [];
  for (const input of inputs) {
    const text = await refusal(input);
    const plain = text.replaceAll('"', '');
    if (input.names.every((name) => plain.includes(name))) continue;
    notNamed.push(`${input.where} ${input.input} must name ${input.names.join(' and ')}: ${text}`);
  }
  t.ok(inputs.length > 0);
  t.same(notNamed, [], `${String(inputs.length)} inputs`);
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

t.test('a server in a program refuses its options in the same way', (t) => allRefused(t, serverInputs()));

t.test('every command refuses its flags in the same way', async (t) => allRefused(t, await commandInputs()));

t.test('every tool refuses its arguments in the same way', (t) => allRefused(t, toolInputs()));

t.test('every source of settings is refused in the same way', (t) => allRefused(t, settingInputs()));

t.test('every path refuses its parameters in the same way', (t) => allRefused(t, httpInputs()));

for (const transport of TRANSPORTS) {
  t.test(`${transport}: both encodings and every path refuse bad input in the same way`, async (t) => {
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
          // The server answers in order: when the pong arrives, an error for the message would have arrived before.
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
