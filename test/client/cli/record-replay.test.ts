import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import type { BusEvent } from '../../../protocol/index.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until, untilFound } from '../../support/until.js';

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);

/** A recorded event, at a number of milliseconds after a fixed moment. */
const event = (event_type: string, id: string, atMs: number, data: object = {}): string =>
  JSON.stringify({
    schema_version: '0.1.0',
    event_type,
    kind: 'reservation',
    id,
    timestamp: new Date(Date.UTC(2026, 2, 30) + atMs).toISOString(),
    data,
    revision: 1,
    cursor: 'E:1',
  });

t.test('record writes events, and replay prints exactly those', async (t) => {
  const repository = TemporaryRepository.for(t);
  const file = join(repository.root, 'night.ndjson');
  repository.rename('task', 't1', { title: 'before' });
  const recording = Command.museBus(['record', file, '--root', repository.root]);
  await until('it records', () => linesSoFar(file) === 1);
  repository.rename('task', 't2', { title: 'during' });
  await until('t2 is recorded', () => linesSoFar(file) === 2);
  recording.kill('SIGINT');
  t.equal(await recording.exit, 0);
  t.match(recording.errors.join('\n'), /recorded 2 events/);
  t.match(
    linesOf(file).map((line) => JSON.parse(line) as BusEvent),
    [
      { event_type: 'snapshot', id: 't1', data: { title: 'before' } },
      { event_type: 'added', id: 't2', data: { title: 'during' } },
    ],
  );
  const replayed = Command.museBus(['replay', file]);
  t.equal(await replayed.exit, 0);
  t.strictSame(replayed.lines, linesOf(file));
  const again = Command.museBus(['record', file, '--root', repository.root]);
  t.equal(await again.exit, 1);
  t.match(again.errors.join('\n'), /exists.*--force/s);
});

function linesSoFar(file: string): number {
  try {
    return linesOf(file).length;
  } catch {
    return 0;
  }
}

t.test('replay keeps the pauses between changes, divided by the speed', async (t) => {
  const repository = TemporaryRepository.for(t);
  const file = join(repository.root, 'r.ndjson');
  const lines = [event('snapshot', 'a', 0), '{"status":"resync","reason":"epoch"}', event('added', 'b', 3_600_000)];
  writeFileSync(file, [...lines, event('modified', 'b', 3_600_000 + 6_000)].join('\n'));
  const slow = Command.museBus(['replay', file, '--speed', '10']);
  await until('what is due at once has come', () => slow.lines.length === 2);
  t.equal(slow.json<BusEvent>()[1]?.id, 'b');
  t.equal(await slow.exit, 0);
  t.equal(slow.lines.length, 3);
  const fast = Command.museBus(['replay', file, '--speed', '0', '--format', 'text']);
  t.equal(await fast.exit, 0);
  t.equal(fast.lines.length, 3);
});

t.test('replay --serve is a bus that delivers the events again, with leases that end as they did', async (t) => {
  const repository = TemporaryRepository.for(t);
  const file = join(repository.root, 'r.ndjson');
  const at = (ms: number): string => new Date(Date.UTC(2026, 2, 30) + ms).toISOString();
  const lines = [
    event('snapshot', 'hour', 0, { addresses: ['src/a.py'], expires_at: at(3_600_000) }),
    event('added', 'moment', 0, { addresses: ['src/b.py'], expires_at: at(500) }),
    event('expired', 'moment', 500, { addresses: ['src/b.py'] }),
    event('removed', 'moment', 1_000),
    event('added', '../../../outside', 1_000),
  ];
  writeFileSync(file, lines.join('\n'));
  const serving = Command.museBus(['replay', file, '--serve']);
  t.teardown(() => {
    serving.kill('SIGKILL');
  });
  const root = await untilFound('it serves', () => /--root (\S+)/.exec(serving.lines.join('\n'))?.[1]);
  await using bus = await connect({ root });
  const seen: string[] = [];
  const subscription = bus.subscribe({ ids: ['moment'], event_types: ['expired', 'removed'] });
  void (async () => {
    for await (const { event_type } of subscription) seen.push(event_type);
  })();
  await until('all of it was replayed', () => serving.lines.some((line) => line.startsWith('3 changes')));
  await until('the lease lapsed and was removed', () => seen.length === 2);
  t.strictSame(seen, ['expired', 'removed']);
  const mirror = await bus.mirror();
  t.equal(mirror.holders('src/a.py').length, 1);
  await bus.close();
  serving.kill('SIGTERM');
  t.equal(await serving.exit, 0);
});

t.test('an invalid recording is refused, naming the line', async (t) => {
  const repository = TemporaryRepository.for(t);
  const file = join(repository.root, 'r.ndjson');
  const variants: readonly { readonly content: string; readonly says: RegExp }[] = [
    { content: `${event('added', 'a', 0)}\n{"event_type":`, says: /line 2: not JSON/ },
    { content: '{"event_type":"added","kind":"secret"}', says: /line 1: not an event/ },
    { content: '[]', says: /line 1: not an event/ },
  ];
  for (const { content, says } of variants) {
    writeFileSync(file, content);
    const replay = Command.museBus(['replay', file]);
    t.equal(await replay.exit, 1);
    t.match(replay.errors.join('\n'), says);
  }
  // With a server, too: it would be started, and keep the process.
  for (const more of [[], ['--serve']]) {
    const absent = Command.museBus(['replay', join(repository.root, 'absent'), ...more]);
    t.equal(await absent.exit, 1);
    t.match(absent.errors, [/^❌ cannot read .*absent: there is no such file or directory$/, /check the path/]);
    t.same(absent.lines, []);
  }
});
