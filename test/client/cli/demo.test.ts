import { existsSync } from 'node:fs';
import t from 'tap';
import { topState } from '../../../client/cli/commands/top-state.js';
import { isFound } from '../../../client/cli/terminal/find-program.js';
import { DemoStory } from '../../../client/cli/demo/story.js';
import { Swarm, unixMillis } from '../../../protocol/index.js';
import { Command } from '../../support/command.js';
import { until } from '../../support/until.js';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`the demo serves a working swarm, and ${signal} ends it and removes the directory`, async (t) => {
    const demo = Command.museBus(['demo', '--agents', '5', '--port', '0']);
    t.teardown(() => {
      demo.kill('SIGKILL');
    });
    await until('it says how to go on', () => demo.lines.some((line) => line.startsWith('Ctrl-C')));
    const text = demo.lines.join('\n');
    t.equal(
      text.includes('copies need the command muse-bus'),
      !isFound('muse-bus', process.env),
      'what is to be installed',
    );
    t.match(text, /Inspector +http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/m);
    const [, printed, root] = /(node \S+ watch --root (\S+))$/m.exec(text)!;
    // In another directory, as a person would who opens a terminal.
    const watch = new Command('sh', ['-c', `${printed!} --json --no-snapshot --max-events 3`], { cwd: '/' });
    t.equal(await watch.exit, 0);
    t.equal(watch.lines.length, 3, 'the command for the second terminal shows what happens');
    demo.kill(signal);
    t.equal(await demo.exit, 0);
    t.notOk(existsSync(root!));
    t.same(demo.errors, [], 'nothing to complain of');
  });
}

t.test('the story has a wait that ends, a conflict that is avoided, and a silent holder', (t) => {
  const swarm = new Swarm();
  const story = new DemoStory({
    write: (kind, id, data) => {
      swarm.put({ kind, id, data });
    },
    remove: (kind, id) => swarm.drop(kind, id),
  });
  let now = Date.parse('2026-03-30T15:00:00Z');
  const told = Array.from({ length: 10 }, () => {
    const { caption, pauseMs } = story.play(now);
    const moment = { now: unixMillis(now) };
    const state = topState(swarm, moment);
    now += pauseMs;
    return {
      caption,
      holders: state.leases.map(({ run_id: run, state }) => `${run!}${state === 'suspect' ? '?' : ''}`).join(' '),
      waits: state.waits.map(({ run_id: run, for: other, state }) => `${run!} for ${other!}: ${state}`).join(', '),
      collisions: state.contention.filter(({ what }) => what === 'collision').length,
    };
  });
  const rows = told.map(({ holders, waits, collisions }) => [holders, waits, collisions]);
  t.strictSame(rows, [
    ['alice', '', 0],
    ['alice', 'bob for alice: waiting', 0],
    ['alice', 'bob for alice: waiting', 0],
    ['bob', '', 0],
    ['carol bob', '', 1],
    ['bob', 'carol for bob: waiting', 0],
    ['bob?', 'carol for bob: silent', 0],
    ['carol', '', 0],
    ['', '', 0],
    ['alice', '', 0],
  ]);
  t.end();
});
