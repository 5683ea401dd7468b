import { existsSync } from 'node:fs';
import t from 'tap';
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
    t.match(text, /Inspector +http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/m);
    const root = /npx muse-bus watch --root (.*)$/m.exec(text)![1]!;
    const watch = Command.museBus(['watch', '--json', '--no-snapshot', '--max-events', '3', '--root', root]);
    t.equal(await watch.exit, 0);
    t.equal(watch.lines.length, 3, 'the command for the second terminal shows what happens');
    demo.kill(signal);
    t.equal(await demo.exit, 0);
    t.notOk(existsSync(root));
    t.same(demo.errors, [], 'nothing to complain of');
  });
}
