import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MessageType, type WireEvent } from '../../../protocol/index.js';
import type { Endpoint } from '../../../server/index.js';
import { Command } from '../../support/command.js';
import { RawClient } from '../../support/raw-client.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const ROUNDS = 6;
const IDS = 8;

/** What one subscription received: where it began, and each event with its revision. */
interface Seen {
  readonly epoch: string;
  readonly mode: string;
  readonly why: unknown;
  readonly after: number;
  readonly events: readonly WireEvent[];
}

async function serve(repository: TemporaryRepository): Promise<Command> {
  const command = Command.museBus(['serve', '--root', repository.root, '--port', '0', '--log-level', 'silent']);
  await until('it serves', () => command.lines.length > 0);
  return command;
}

async function subscribe(repository: TemporaryRepository, since: string | undefined): Promise<RawClient> {
  const endpoint = JSON.parse(readFileSync(join(repository.bus, 'endpoint.json'), 'utf8')) as Endpoint;
  const client = await RawClient.connect(endpoint);
  client.send([MessageType.subscribe, 1, since === undefined ? { snapshot: 'none' } : { since, snapshot: 'none' }]);
  await client.received(MessageType.synced);
  return client;
}

function seenBy({ messages }: RawClient): Seen {
  const subscribed = messages.find(([type]) => type === MessageType.subscribed)!;
  const [epoch, after] = (subscribed[4] as string).split(':');
  const events = messages
    .filter(([type]) => type === MessageType.batch || type === MessageType.events)
    .flatMap((message) => message[3] as WireEvent[]);
  return { epoch: epoch!, mode: subscribed[3] as string, why: subscribed[5], after: Number(after), events };
}

t.test(
  'whenever the server is killed, no revision of an epoch has two meanings and no cursor has a silent gap',
  async (t) => {
    const repository = new TemporaryRepository();
    t.teardown(() => repository.dispose());
    const said = new Map<string, string>();
    let since: string | undefined;
    let epochs = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const server = await serve(repository);
      const client = await subscribe(repository, since);
      // The server is killed after this many events; some of them may not be written.
      const wanted = client.messages.length + 1 + round * 7;
      for (let i = 0; client.messages.length < wanted; i++) {
        repository.rename('task', `t${String(i % IDS)}`, { round, i });
        if (i % 5 === 4) repository.remove('task', `t${String(i % IDS)}`);
        if (i % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      }
      if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      server.kill('SIGKILL');
      await server.exit;
      await client.untilClosed();
      // A change while no server runs.
      repository.rename('task', `away${String(round)}`, { round });

      const { epoch, mode, why, after, events } = seenBy(client);
      t.comment(`round ${String(round)}: ${mode} after ${String(after)}, ${String(events.length)} events`);
      if (mode === 'resync') t.equal(why, 'restart', 'the reason is the kill');
      epochs = epochs.add(epoch);
      for (const [i, event] of events.entries()) {
        const [position] = event;
        if (position !== after + i + 1) t.fail(`revision ${String(position)} follows ${String(after + i)}`);
        const key = `${epoch}:${String(position)}`;
        const content = JSON.stringify(event.slice(1, 6));
        if ((said.get(key) ?? content) !== content) t.fail(`${key} was ${said.get(key)!} and is ${content}`);
        said.set(key, content);
      }
      since = `${epoch}:${String(events.at(-1)?.[0] ?? after)}`;
    }
    t.equal(epochs.size, 1, 'the epoch goes on');
    t.ok(said.size > ROUNDS);
  },
);
