import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { BusError } from '../../../client/sdk/bus-error.js';
import type { ChannelListener, Dial } from '../../../client/sdk/channel.js';
import { ServersInTurn } from '../../../client/sdk/servers-in-turn.js';
import { ServedRepository } from '../../support/served-repository.js';

const URLS = ['ws://a', 'ws://b', 'ws://c'];

/** Three servers, and what a client has dialled and heard. */
class World {
  readonly dialled: string[] = [];
  readonly closed: [code: number, error: string | undefined][] = [];
  current!: ChannelListener;
  readonly dial: Dial;

  constructor(random = 0) {
    this.dial = new ServersInTurn(URLS, () => random).dial((url) => (listener) => {
      this.dialled.push(url.slice(-1));
      this.current = listener;
      return { send: () => undefined, bytesOf: () => 0, close: () => undefined };
    });
  }

  attempt(): this {
    const closed: ChannelListener['closed'] = (code, _reason, error) => this.closed.push([code, error?.code]);
    this.dial({ message: () => undefined, closed });
    return this;
  }

  fail(code: BusError['code'] = 'unreachable'): this {
    this.current.closed(1006, '', new BusError(code, 'it failed', ''));
    return this;
  }
}

t.test('an attempt passes over servers that cannot be reached, and has failed when each was tried once', async (t) => {
  const world = new World().attempt().fail();
  t.same([world.dialled.join(''), world.closed], ['ab', []]);
  world.fail().fail();
  t.same([world.dialled.join(''), world.closed], ['abc', [[1006, 'unreachable']]]);
});

t.test('a server that ends its connection is followed by the next at the next attempt', async (t) => {
  const world = new World().attempt();
  world.current.message([1, {}]);
  world.current.closed(1001, 'shutdown retry=50');
  t.same(world.closed, [[1001, undefined]], 'the client hears of it, and waits as the server asks');
  t.equal(world.attempt().dialled.join(''), 'ab');
});

t.test('a refused token or an untrusted certificate is no reason to go on', async (t) => {
  for (const code of ['unauthorized', 'untrusted', 'forbidden', 'protocol'] as const) {
    const world = new World().attempt().fail(code);
    t.same([world.dialled.join(''), world.closed], ['a', [[1006, code]]], code);
  }
});

t.test('clients with the same list begin at different servers', async (t) => {
  t.same(
    [0, 0.34, 0.99].map((random) => new World(random).attempt().dialled.join('')),
    ['a', 'b', 'c'],
  );
});

t.test('a list is checked before anything is dialled', async (t) => {
  await t.rejects(connect({ url: [], token: 'x' }), { code: 'bad-option', message: /empty/ });
  await t.rejects(connect({ url: ['ws://a', 'http://b'], token: 'x' }), {
    code: 'bad-option',
    message: /did you mean ws:/,
  });
});

t.test('connect takes the server of several that answers', async (t) => {
  const repository = new ServedRepository({ journal: false });
  t.teardown(() => repository.stop());
  const { url, token } = await repository.start();
  for (const first of [0, 0.9]) {
    const client = await connect({ url: ['ws://127.0.0.1:1', url], token, random: () => first });
    t.ok(client.server);
    await client.close();
  }
});
