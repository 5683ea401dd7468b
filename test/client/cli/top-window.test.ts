import { readFileSync, writeFileSync } from 'node:fs';
import stringWidth from 'string-width';
import t from 'tap';
import { readKeys } from '../../../client/cli/commands/top-keys.js';
import { topState, type TopState } from '../../../client/cli/commands/top-state.js';
import { TopWindow, type WindowSize } from '../../../client/cli/commands/top-window.js';
import { Swarm, unixMillis, type Kind, type RecordData } from '../../../protocol/index.js';

const NOW = unixMillis(Date.parse('2026-03-30T15:00:00Z'));
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toISOString();

type Records = readonly (readonly [kind: Kind, id: string, data: RecordData])[];

const lease = (run: string, address: string, endsIn: number): Records[number] => [
  'reservation',
  `r-${run}`,
  { run_id: run, branch: 'main', addresses: [address], created_at: at(-600), expires_at: at(endsIn) },
];
const intent = (run: string, address: string, ago: number, detail: string): Records[number] => [
  'intent',
  `i-${run}`,
  { run_id: run, branch: 'main', addresses: [address], operation: 'modify', detail, created_at: at(-ago) },
];

/** A window on records, at a fixed time. */
class Screen {
  readonly window = new TopWindow('utc');
  readonly #swarm = new Swarm();
  #state: TopState | undefined;

  constructor(
    records: Records,
    public size: WindowSize = { columns: 80, rows: 24 },
  ) {
    for (const record of records) this.put(...record);
    this.draw();
  }

  put(kind: Kind, id: string, data: RecordData): void {
    this.#swarm.put({ kind, id, data });
    this.#state = undefined;
  }

  /** Presses keys as a terminal sends them. */
  type(input: string): string[] {
    for (const key of readKeys(input)) this.window.press(key);
    return this.draw();
  }

  draw(): string[] {
    const head = { label: 'inotify, served', now: NOW, trouble: '' };
    const lines = this.window.draw((this.#state ??= topState(this.#swarm, { now: NOW })), head, this.size);
    return lines.map(({ shown }) => shown);
  }
}

const selected = (lines: readonly string[]): string | undefined => lines.find((line) => line.startsWith('>'));
const many = (count: number): Records =>
  Array.from({ length: count }, (_, i) =>
    lease(`agent-${String(i).padStart(3, '0')}`, `src/m${String(i)}.ts`, 3_600 - i),
  );

const UP = '\u001b[A';
const DOWN = '\u001b[B';
const PAGE_DOWN = '\u001b[6~';

t.test('of 300 agents each can be reached, and the selected one stays in view', (t) => {
  const screen = new Screen(many(300));
  screen.type('2');
  t.match(screen.draw().join('\n'), /AGENTS \(300, 1–\d+\)/);
  for (let i = 9; i < 300; i += 10) {
    const row = selected(screen.type('j'.repeat(i === 9 ? 9 : 10)));
    if (row?.startsWith(`>agent-${String(i).padStart(3, '0')} `) !== true) t.fail(`row ${String(i)}: ${String(row)}`);
  }
  screen.type('j');
  t.match(selected(screen.draw()), /^>\d+m \d+s +agent-299/, 'below the last agent, the leases begin');
  screen.type(UP);
  t.match(selected(screen.draw()), '>agent-299');
  t.match(screen.draw().join('\n'), /AGENTS \(300, \d+–300\)/);
  screen.type('g');
  t.match(selected(screen.draw()), '>agent-000');
  screen.type(PAGE_DOWN);
  t.match(screen.draw().join('\n'), /AGENTS \(300, \d+–\d+\)/);
  screen.type('G');
  t.match(selected(screen.draw()), '>agent-299');
  t.end();
});

t.test('a selected row stays selected while others come and go', (t) => {
  const screen = new Screen([lease('agent-b', 'b.ts', 600), lease('agent-d', 'd.ts', 600)]);
  screen.type('2j');
  t.match(selected(screen.draw()), '>agent-d');
  for (const run of ['agent-a', 'agent-c', 'agent-e']) screen.put(...lease(run, `${run}.ts`, 600));
  t.match(selected(screen.draw()), '>agent-d');
  t.match(screen.draw().at(-3), 'agent-d: holding · on main', 'and the lines below say all of it');
  t.end();
});

t.test('rows are sorted by run, end or last sign, and reversed', (t) => {
  const screen = new Screen([lease('agent-a', 'a.ts', 60), lease('agent-b', 'b.ts', 30), lease('agent-c', 'c.ts', 90)]);
  const order = (): string =>
    screen
      .draw()
      .slice(0, -3)
      .flatMap((line) => /^[ >](agent-\w)/.exec(line)?.[1] ?? [])
      .join(' ');
  t.equal(order(), 'agent-a agent-b agent-c');
  screen.type('ss');
  t.match(screen.draw().at(-1), 'by ends');
  t.equal(order(), 'agent-b agent-a agent-c');
  screen.type('r');
  t.match(screen.draw().at(-1), 'by ends, reversed');
  t.equal(order(), 'agent-c agent-a agent-b');
  t.end();
});

t.test('a filter is a query: it narrows as it is typed, its errors are shown, Esc shows all', (t) => {
  const screen = new Screen(many(30));
  screen.type('/addr:src/m7.ts');
  t.match(screen.draw().join('\n'), /AGENTS \(1 of 30\)[^]*agent-007[^]*LEASES \(1 of 30\)/);
  t.equal(screen.draw().at(-1), '/addr:src/m7.ts_');
  screen.type('\r');
  t.match(screen.draw().at(-1), '/addr:src/m7.ts');
  screen.type('/\u0015kind:task\r');
  t.match(screen.draw().slice(-3).join(' '), /top does not use kind:; it uses run, branch, addr, id/);
  screen.type('\u001b');
  t.match(screen.draw().join('\n'), /AGENTS \(30, /);
  screen.type('/agent-01👩‍👩‍👧é\u007f\u007f\r');
  t.match(screen.draw().join('\n'), 'AGENTS (10 of 30', 'Backspace takes what a person calls a character');
  screen.type('/\u0015nothing\r');
  t.match(screen.draw().join('\n'), /AGENTS \(0 of 30\)[^]*no row of this table matches; Esc shows all/);
  t.end();
});

t.test('? lists the keys, Enter shows all about a row', (t) => {
  const screen = new Screen([lease('agent-a', 'src/a.ts', 600), intent('agent-b', 'src/a.ts', 90, 'rename f')]);
  t.match(screen.type('?').join('\n'), /Ctrl-Z +suspend/);
  screen.type('\u001b1\r');
  const lines = screen.draw();
  t.strictSame(lines.slice(1, 7), [
    'agent-b → src/a.ts ← agent-a',
    'waiting 1m 30s',
    'until 2026-03-30T15:10:00Z (in 10m 0s)',
    'no heartbeat',
    'intent i-agent-b',
    'blocked by r-agent-a',
  ]);
  t.end();
});

t.test('who waits comes first: deadlocks, silent holders, then the longest wait', (t) => {
  const records: Records = [
    lease('a', 'a.ts', 3_000),
    lease('b', 'b.ts', 3_000),
    lease('quiet', 'q.ts', 3_000),
    [
      'heartbeat',
      'h',
      { run_id: 'quiet', reservation_id: 'r-quiet', last_beat_at: at(-500), extended_expires_at: at(3_000) },
    ],
    intent('a', 'b.ts', 10, ''),
    intent('b', 'a.ts', 20, ''),
    intent('late', 'q.ts', 300, ''),
    lease('busy', 'c.ts', 3_000),
    intent('patient', 'c.ts', 400, ''),
    ['intent', 'i-apart', { ...intent('apart', 'c.ts', 500, '')[2], branch: 'dev' }],
  ];
  const rows = new Screen(records, { columns: 100, rows: 40 }).draw();
  const head = rows.findIndex((line) => line.includes('WAITS FOR'));
  t.strictSame(
    rows.slice(head + 1, head + 6).map((line) =>
      line
        .slice(1)
        .split(/ {2,}/)
        .filter((_, i) => i !== 4),
    ),
    [
      ['b', 'a.ts', 'a', '20s', 'deadlock'],
      ['a', 'b.ts', 'b', '10s', 'deadlock'],
      ['late', 'q.ts', 'quiet', '5m 0s', 'silent'],
      ['patient', 'c.ts', 'busy', '6m 40s', 'waiting'],
      // What matters only at a merge comes after what blocks.
      ['apart', 'c.ts', 'busy', '8m 20s', 'other branch'],
    ],
  );
  t.end();
});

t.test('where there is nothing, the window says what would make something appear', async (t) => {
  const screen = new Screen([]);
  t.match(screen.draw().join('\n'), /Nothing yet\. Agents appear here as soon as they reserve something\./);
  screen.put('reservation', 'old', { run_id: 'a', addresses: ['x'], created_at: at(-9_000), expires_at: at(-8_000) });
  t.match(screen.draw().join('\n'), /All work here ended more than an hour ago\./);
  const [kind, id, data] = lease('agent-1', 'x', 60);
  screen.put(kind, id, data);
  t.notMatch(screen.draw().join('\n'), /Nothing yet|All work/);
});

t.test('a window without room for all tables shows the one with the focus, down to one row', (t) => {
  const screen = new Screen([...many(3), intent('agent-b', 'src/m0.ts', 5, 'edit')], { columns: 20, rows: 5 });
  t.match(screen.draw().join('\n'), /WAITS \(1\)\n.*\n>agent-b/);
  t.match(screen.type('\t\t').join('\n'), /AGENTS \(4, 1–1\)\n.*\n>agent-000/);
  t.match(selected(screen.type(DOWN)) ?? '', /agent-001/);
  t.end();
});

t.test('a record without a run, or with an empty one, has the run "?" in every table', (t) => {
  const screen = new Screen([lease('', 'src/a.ts', 600), intent('agent-b', 'src/a.ts', 5, 'edit')]);
  const rows = screen.draw();
  for (const pattern of [/^.agent-b +src\/a.ts +\? /, /^.\? +main +holding/, /^.10m 0s +\? /])
    t.ok(
      rows.some((row) => pattern.test(row)),
      String(pattern),
    );
  t.end();
});

const NAMES: Readonly<Record<string, string>> = {
  'of 406 characters': 'x'.repeat(406),
  'of wide characters': '日本語のエージェント'.repeat(20),
  'of joined emoji': '👩‍👩‍👧‍👦🏳️‍🌈'.repeat(30),
  'with escape sequences': '\u001b[2J\u001b]0;title\u0007\r\n\t',
  'from right to left': 'سوكيل-٧‮abc',
  'of combining marks': `a${'\u0301'.repeat(300)}`,
  'of nothing': '',
};

for (const [what, name] of Object.entries(NAMES)) {
  t.test(`a name ${what} leaves every line within any window`, (t) => {
    const screen = new Screen([lease(name, `src/${name}.ts`, 600), intent('agent-b', `src/${name}.ts`, 5, name)]);
    screen.put(...lease('agent-c', 'src/c.ts', 900));
    for (const columns of [20, 40, 200])
      for (const rows of [1, 5, 15, 30]) {
        screen.size = { columns, rows };
        for (const keys of ['', '?', '\u001b', '\t', '\r', '\u001b', '/', name.slice(0, 4), '\u001b']) {
          const lines = screen.type(keys);
          if (lines.length > rows) t.fail(`${String(lines.length)} lines in ${String(rows)} rows`);
          const broad = lines.find((line) => stringWidth(line) > columns);
          if (broad !== undefined) t.fail(`${String(stringWidth(broad))} columns in ${String(columns)}: ${broad}`);
        }
      }
    screen.size = { columns: 80, rows: 30 };
    t.match(screen.draw().join('\n'), /agent-c +main +holding/, 'the other rows are as readable as before');
    t.end();
  });
}

t.test('keys are read from what terminals send, several at once, and unknown sequences are none', (t) => {
  t.strictSame(readKeys(`${DOWN}\u001bOA\u001b[5~é\u001b[200~x\u001b[1;5C\u001b`), [
    'down',
    'up',
    'page up',
    'é',
    'x',
    'escape',
  ]);
  t.end();
});

const RECORDED = new URL('top-40x15.txt', import.meta.url);

/** Recorded on 40 columns and 15 rows. `UPDATE_RECORDED=1` records it again: to be read before it is committed. */
t.test('a session on 40 × 15', (t) => {
  const records: Records = [
    lease('agent-1', 'src/auth.ts::verifyToken', 2_340),
    intent('agent-7', 'src/auth.ts::verifyToken', 300, 'accept rotated keys'),
    lease('agent-2', 'src/billing.ts', 45),
    lease('agent-3', 'src/billing.ts', 600),
    ['task', 't-17', { title: 'fix rounding in totals', priority: 3 }],
  ];
  const screen = new Screen(records, { columns: 40, rows: 15 });
  const steps: readonly (readonly [what: string, keys: string])[] = [
    ['', ''],
    ['Enter', '\r'],
    ['Esc, Tab', '\u001b\t'],
    ['Tab, down, down', `\t${DOWN}${DOWN}`],
    ['s, s', 'ss'],
    ['/run:agent-2', '/run:agent-2'],
    ['Enter', '\r'],
    ['Esc, ?', '\u001b?'],
  ];
  const frames = steps.map(([what, keys]) => {
    const lines = screen.type(keys).map((line) => `│${line}${' '.repeat(40 - stringWidth(line))}│`);
    const edge = '─'.repeat(40);
    return [what === '' ? 'muse-bus top' : `press ${what}`, `┌${edge}┐`, ...lines, `└${edge}┘`].join('\n');
  });
  const session = `${frames.join('\n\n')}\n`;
  if (process.env['UPDATE_RECORDED'] !== undefined) writeFileSync(RECORDED, session);
  t.equal(session, readFileSync(RECORDED, 'utf8'));
  t.end();
});
