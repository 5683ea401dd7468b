import t from 'tap';
import { Command } from '../../support/command.js';
import { reservation } from '../../support/leases.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

t.test('every command reports an invalid field with its value and what it should be', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  repository.rename('reservation', 'r1', reservation('a', ['src/a.py'], { expires_at: 'soon' }));
  repository.rename('reservation', 'r2', reservation('a', [], { addresses: { what: 7 } }));
  repository.rename('release', 'x1', { run_id: ['a'], reservation_id: 'r9' });
  repository.rename('task', 't1', { run_id: 'a', title: 'fine' });
  repository.rename('reservation', 'r3', reservation('a', [], { addresses: 'src/one.py' }));
  repository.raw('task', 't2', '{');
  const ask = async (...args: readonly string[]): Promise<Command> => {
    const command = Command.museBus([...args, '--root', repository.root]);
    await command.exit;
    return command;
  };
  const [text, json, get, top, topText, doctor] = await Promise.all([
    ask('watch', '--once'),
    ask('watch', '--once', '--json'),
    ask('get', 'reservation', '--format', 'text'),
    ask('top', '--json'),
    ask('top', '--once'),
    ask('doctor', '--json'),
  ]);
  const time = /expires_at is "soon", and should be a time in ISO 8601/;
  const addresses = /addresses is \{"what":7\}, and should be an array of texts/;
  const run = /run_id is \["a"\], and should be a text/;

  const lineOf = (id: string): string =>
    text.lines.find((line) => line.includes(` ${id} `) || line.includes(` ${id}  `)) ?? '';
  t.match(lineOf('r1'), time);
  t.match(lineOf('r2'), addresses);
  t.match(lineOf('x1'), run);
  t.notMatch(lineOf('t1'), /should be/);
  t.match(lineOf('r3'), /\[src\/one\.py\]$/, 'a text alone is an address');

  const problems = Object.fromEntries(
    json.json<{ id: string; problems?: object[] }>().map((one) => [one.id, one.problems]),
  );
  t.match(problems['r1'], [{ field: 'expires_at', found: '"soon"', right: /a time in ISO 8601/ }]);
  t.match(problems['r2'], [{ field: 'addresses', found: '{"what":7}', right: /an array of texts/ }]);
  t.match(problems['x1'], [{ field: 'run_id', found: '["a"]', right: 'a text' }]);
  t.equal(problems['t1'], undefined);

  t.match(get.lines.join('\n'), time);
  t.match(get.lines.join('\n'), addresses);
  const [state] = top.json<{ problems: { id: string; problems: string[] }[] }>();
  t.same(
    state!.problems.map(({ id }) => id),
    ['r1', 'r2', 'x1'],
  );
  t.match(topText.lines.join('\n'), /PROBLEMS \(3\)[^]*expires_at is "soon"/);
  t.match(doctor.lines.join('\n'), /"server".*not running/);
});

t.test('top shows the queue: claimed tasks, then pending ones by priority, then failed ones', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const task = (id: string, more: object): void => repository.rename('task', id, { task_id: id, title: id, ...more });
  task('low', { priority: 1, status: 'pending' });
  task('high', { priority: 9, status: 'queued', queue: 'nightly' });
  task('mine', { priority: 5 });
  repository.rename('claim', 'mine', { task_id: 'mine', run_id: 'agent-1' });
  task('broken', { status: 'failed' });
  task('over', { status: 'done' });
  const top = Command.museBus(['top', '--json', '--root', repository.root]);
  await top.exit;
  const [{ queue } = { queue: [] }] = top.json<{ queue: object[] }>();
  t.match(queue, [
    { task: 'mine', state: 'claimed', claimed_by: 'agent-1' },
    { task: 'high', state: 'pending', priority: 9, queue: 'nightly' },
    { task: 'low', state: 'pending' },
    { task: 'broken', state: 'failed' },
  ]);
  t.equal(queue.length, 4);
});
