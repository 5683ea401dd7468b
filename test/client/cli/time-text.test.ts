import t from 'tap';
import { topTitle } from '../../../client/cli/commands/top-screen.js';
import { topState } from '../../../client/cli/commands/top-state.js';
import { Swarm, unixMillis } from '../../../protocol/index.js';
import { duration, styledTime, timeText } from '../../../client/cli/terminal/time-text.js';
import { formatMoment, formatSecond, formatZone } from '../../../client/inspector/model/format.js';
import { Command } from '../../support/command.js';
import { reservation } from '../../support/leases.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const zone = process.env['TZ'];
t.teardown(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

const at = (iso: string): number => Date.parse(iso);

t.test(
  'a local time says its zone, also in the hour that the clocks repeat, in the terminal and in the inspector',
  (t) => {
    process.env['TZ'] = 'Europe/Berlin';
    const [summer, winter] = [at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')];
    t.equal(styledTime(summer, 'local', summer), '2026-10-25 02:30:00+02:00');
    t.equal(styledTime(winter, 'local', winter), '2026-10-25 02:30:00+01:00');
    t.same([formatSecond(summer, 'local'), formatZone(summer, 'local')], ['02:30:00', 'UTC+2']);
    t.same([formatSecond(winter, 'local'), formatZone(winter, 'local')], ['02:30:00', 'UTC+1']);
    t.same([formatSecond(winter, 'utc'), formatZone(winter, 'utc')], ['01:30:00', 'UTC']);
    process.env['TZ'] = 'America/St_Johns';
    t.equal(styledTime(at('2026-01-15T12:00:00.250Z'), 'local', 0), '2026-01-15 08:30:00.250-03:30');
    t.equal(formatZone(at('2026-01-15T12:00:00Z'), 'local'), 'UTC-3:30');
    t.end();
  },
);

t.test('a time on another day says the day; which day that is depends on the zone', (t) => {
  process.env['TZ'] = 'Europe/Berlin';
  const [before, after] = [at('2026-03-30T21:59:00Z'), at('2026-03-30T22:01:00Z')];
  t.equal(formatMoment(before, after, 'local'), '2026-03-30 23:59:00', 'midnight is between them in Berlin');
  t.equal(formatMoment(before, after, 'utc'), '21:59:00');
  t.end();
});

t.test('a time that is far away says how far', (t) => {
  const now = at('2026-03-30T12:00:00Z');
  t.equal(styledTime(now + 90_000, 'relative', now), 'in 1m 30s');
  t.equal(styledTime(now - 90_000_000, 'relative', now), '1d 1h ago');
  t.equal(timeText('soon', 'utc', now), 'soon', 'a text that is no time stays');
  t.equal(duration(-5), '0s');
  t.end();
});

t.test('top says the time of day as the person wants it', (t) => {
  process.env['TZ'] = 'Europe/Berlin';
  const state = topState(new Swarm(), { now: unixMillis(at('2026-03-30T12:00:00Z')) });
  const titleIn = (style: 'local' | 'utc'): string =>
    topTitle(state, { label: 'x', now: at('2026-03-30T12:00:00Z'), trouble: '' }, style);
  t.match(titleIn('local'), / 14:00:00 /);
  t.match(titleIn('utc'), / 12:00:00Z /);
  t.end();
});

t.test('watch --timestamps begins each event with its time', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  repository.rename('reservation', 'r1', reservation('agent-1', ['a']));
  const args = ['watch', '--once', '-q', '--timestamps', '--root', repository.root];
  const watch = Command.museBus(args);
  t.equal(await watch.exit, 0);
  t.match(watch.lines, [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z {2}· reservation {2}agent-1/]);
});
