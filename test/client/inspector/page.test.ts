import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Page } from 'playwright-core';
import { connect } from '../../../client/sdk/index.js';
import { noChromium, startChromium } from '../../support/chromium.js';
import { addressOf, complaintsOf, openInspector, shows } from '../../support/inspector-page.js';
import { beat, writeSwarm } from '../../support/inspector-records.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

/** One browser for this file; each test has its own tab. */
let browser: Awaited<ReturnType<typeof startChromium>> | undefined;
t.teardown(() => browser?.stop());

/** Runs the inspector on a small swarm, and expects no error and no policy violation. */
const onSwarm = (title: string, run: (t: Test, on: { page: Page; repository: ServedRepository }) => Promise<void>) =>
  t.test(title, { skip: noChromium }, async (t) => {
    const repository = new ServedRepository();
    writeSwarm(repository, Date.now());
    browser ??= await startChromium();
    const inspector = await openInspector(browser.context, addressOf(await repository.start()));
    const { page } = inspector;
    t.teardown(async () => {
      await page.close();
      await repository.stop();
    });
    // Everything that the swarm has written is loaded.
    await page.waitForSelector('.connection-state.good');
    await page.waitForSelector('.figure.critical:has-text("contested")');
    await run(t, { page, repository });
    t.same(await complaintsOf(inspector), [], 'no console error, no other host, no policy report');
  });

const go = async (page: Page, key: string): Promise<void> => {
  await page.keyboard.press('g');
  await page.keyboard.press(key);
};

onSwarm('the first page shows who contends and what has lapsed', async (t, { page }) => {
  await shows(t, page, '.attention', /agent-1 and agent-2 hold src\/billing\.py::total on main at the same time/);
  await shows(t, page, '.attention', /The lease of agent-3 on src\/auth\.py::login on dev lapsed/);
  await page.click('.matter.critical a:has-text("Explain")');
  await page.waitForSelector('.symbols');
  await shows(t, page, '.detail', /Holders\s+⚔ agent-1/, 'each line links to its subject');
});

onSwarm('the token leaves the address bar, and view, filter and selection take its place', async (t, { page }) => {
  t.notMatch(page.url(), /token/);
  await go(page, 't');
  await page.fill('#filter', 'run:agent-4');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('.stream .cells.stream-grid').length === 3);
  await page.keyboard.press('k');
  await page.waitForSelector('.detail');
  t.match(page.url(), /#\/stream\?q=run%3Aagent-4&sel=record/);
  await page.reload();
  await page.waitForSelector('.detail');
  t.equal(
    await page.inputValue('#filter'),
    'run:agent-4',
    'the same after a reload, without the token being asked for',
  );
  t.match(await page.title(), /^task\/task-1@\d+ · Stream · muse-bus$/, 'tabs and the entries of Back are told apart');
});

onSwarm('a browser whose clock is wrong shows the times of the server, and says so', async (t, { page }) => {
  // The page and its worker read the same clock.
  const set = (): void => {
    const now = Date.now.bind(Date);
    Date.now = () => now() - 3_600_000;
  };
  await page.addInitScript(set);
  page.on('worker', (worker) => void worker.evaluate(set));
  await page.reload();
  await shows(t, page, '.notices', /The server's clock is 1 h 00 m ahead of this browser's/);
  await shows(t, page, '.figures', /3\s+active[^]*1\s+lapsed/, 'a lease that has ended on the server has ended here');
});

onSwarm('every view has its key, and typing in an input triggers no keys', async (t, { page }) => {
  for (const [key, selector] of [
    ['a', '.agents .presence'],
    ['s', '.symbols .path'],
    ['l', '.lanes canvas'],
    ['t', '.stream .type'],
    ['b', '.bus table'],
    ['p', '.pulse .figure'],
  ] as const) {
    await go(page, key);
    await page.waitForSelector(selector);
  }
  for (const [key, code] of [
    ['п', 'KeyG'],
    ['ф', 'KeyA'],
  ] as const)
    await page.evaluate((init) => dispatchEvent(new KeyboardEvent('keydown', init)), { key, code });
  await page.waitForSelector('.agents .presence');
  await go(page, 'p');
  await page.keyboard.press('/');
  await page.waitForSelector('#filter-choices li');
  await page.keyboard.press('Tab');
  await page.waitForSelector('#filter:not(:focus)');
  t.equal(await page.inputValue('#filter'), '', 'Tab goes on where nothing has been typed');
  await page.keyboard.press('/');
  await page.waitForSelector('#filter:focus');
  await page.keyboard.type('g a ');
  t.equal(await page.inputValue('#filter'), 'g a ');
  t.ok(await page.isVisible('.pulse'), 'the view has not changed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  /** Whether the page takes the key by which the browser is asked to find a text. */
  const takesFind = () =>
    page.evaluate(() => {
      const key = new KeyboardEvent('keydown', { key: 'f', ctrlKey: true, bubbles: true, cancelable: true });
      return !(document.activeElement ?? document.body).dispatchEvent(key);
    });
  t.notOk(await takesFind(), 'in Pulse the browser finds everything');
  await go(page, 't');
  await page.waitForSelector('.stream .type');
  t.ok(await takesFind(), 'of a list it would find only the rows on the screen');
  await page.waitForSelector('#filter:focus');
  t.notOk(await takesFind(), 'asked again, the browser finds');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await shows(t, page, 'dialog', /Keys and filter/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.waitForSelector('.palette-input:focus');
  await page.keyboard.type('go to lanes');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.lanes');
});

onSwarm('an invalid filter says why, and the last valid one stays in force', async (t, { page }) => {
  await go(page, 't');
  await page.fill('#filter', 'kind:task');
  await page.waitForFunction(() => document.querySelectorAll('.stream-grid.cells').length === 1);
  await page.fill('#filter', 'kind:task /(/');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#filter-error');
  await shows(t, page, '#filter-error', /The last valid filter is still in force/);
  t.equal(await page.locator('.stream-grid.cells').count(), 1);
  await page.fill('#filter', 'kind:task run:agent-4');
  await page.keyboard.press('Escape');
  t.equal(await page.locator('.notices:has-text("not narrowed")').count(), 0);
  await go(page, 'a');
  await shows(t, page, '.notices', /Agents is not narrowed by kind:\./, 'what a view does not use is said');
  await go(page, 'p');
  await shows(t, page, '.notices', /Pulse is not narrowed by the filter/);
  await page.click('.notices a');
  await page.waitForSelector('.stream-grid.cells');
});

onSwarm('the filter offers completions at the caret', async (t, { page }) => {
  await page.fill('#filter', 'branch:');
  await page.waitForFunction(() => document.querySelector('#filter-choices')?.textContent.includes('branch:main'));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  t.match(await page.inputValue('#filter'), /^branch:(dev|main) $/);
});

onSwarm(
  'a change appears at once; a pause freezes the view, goes on capturing, and counts',
  async (t, { page, repository }) => {
    await go(page, 't');
    await page.waitForSelector('.stream-grid.cells');
    await page.keyboard.press('Space');
    await page.waitForSelector('.notice:has-text("Paused at")');
    const rows = await page.locator('.stream-grid.cells').count();
    repository.rename('task', 'task-2', { task_id: 'task-2', title: 'new', run_id: 'agent-1' });
    await page.waitForSelector('.missed:has-text("1 new")');
    t.equal(await page.locator('.stream-grid.cells').count(), rows);
    await page.keyboard.press('Space');
    await page.waitForFunction((n) => document.querySelectorAll('.stream-grid.cells').length === n + 1, rows);
  },
);

/** Revisions of the stream's rows, as they are on the screen from top to bottom. */
const visibleRevisions = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const list = document.querySelector('.list-scroller')!.getBoundingClientRect();
    return [...document.querySelectorAll('.list-row')]
      .map((row) => ({
        top: row.getBoundingClientRect().top,
        revision: Number(row.querySelector('.cells > :first-child')?.textContent),
      }))
      .filter(({ top }) => top >= list.top && top < list.bottom - 5)
      .sort((a, b) => a.top - b.top)
      .map(({ revision }) => revision);
  });

const consecutive = (last: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => last - count + 1 + i);

onSwarm(
  'the stream keeps its newest rows visible until the user scrolls away from them',
  async (t, { page, repository }) => {
    await go(page, 't');
    await page.waitForSelector('.stream-grid.cells');
    const { revision: before } = repository.server.bus.hub;
    for (let i = 0; i < 200; i++)
      repository.rename('task', `many-${String(i)}`, { task_id: String(i), run_id: 'agent-1' });
    const isLast = (revision: number) => async () => (await visibleRevisions(page)).at(-1) === revision;
    await until('the last of many is the last row', isLast(before + 200));
    const rows = await visibleRevisions(page);
    t.ok(rows.length >= 15, 'the screen is full');
    t.same(rows, consecutive(before + 200, rows.length), 'in order, and none is missing');

    await page.hover('.list-scroller');
    await page.mouse.wheel(0, -600);
    await page.waitForSelector('button[aria-pressed="false"]:has-text("Follow")');
    let held: number[] = [];
    await until('other rows fill the screen, and the scrolling has ended', async () => {
      const last = JSON.stringify(held);
      held = await visibleRevisions(page);
      return last === JSON.stringify(held) && held.at(-1)! < before + 195 && held.length >= rows.length - 1;
    });
    t.same(held, consecutive(held.at(-1)!, held.length));
    const count = Number(/(\d+) rows/.exec(await page.innerText('.stream .view-bar'))![1]);
    repository.rename('task', 'one-more', { task_id: 'one-more', run_id: 'agent-1' });
    await shows(t, page, '.stream .view-bar', new RegExp(`${String(count + 1)} rows`));
    t.same(await visibleRevisions(page), held, 'the visible rows stay where they are');
    await go(page, 'a');
    await page.waitForSelector('.agents .presence');
    await go(page, 't');
    await page.waitForSelector('.stream .list-row');
    await until('they are still there after another view', async () => {
      return JSON.stringify(await visibleRevisions(page)) === JSON.stringify(held);
    });

    await page.keyboard.press('f');
    await until('the newest row is visible again', isLast(before + 201));

    // A key that is pressed while a view is first displayed must not wait for all of its rows.
    await go(page, 'a');
    await page.waitForSelector('.agents .presence');
    const counts = page.evaluate(
      (whole) =>
        new Promise<number[]>((resolve) => {
          const seen: number[] = [];
          const observer = new MutationObserver(() => {
            const count = document.querySelectorAll('.stream .list-row').length;
            if (count !== seen.at(-1)) seen.push(count);
            if (count < whole) return;
            observer.disconnect();
            resolve(seen);
          });
          observer.observe(document.body, { childList: true, subtree: true });
        }),
      rows.length,
    );
    await go(page, 't');
    const steps = await counts;
    t.ok(
      steps.every((count, i) => count - (steps[i - 1] ?? 0) <= 12),
      `rows: ${steps.join(', ')}`,
    );
  },
);

onSwarm(
  'while rows keep coming, a person can leave the newest, and nobody else does',
  async (t, { page, repository }) => {
    await go(page, 't');
    await page.waitForSelector('.stream-grid.cells');
    let written = 0;
    const writer = setInterval(() => {
      repository.rename('task', `many-${String(++written)}`, { task_id: String(written), run_id: 'agent-1' });
    }, 15);
    t.teardown(() => {
      clearInterval(writer);
    });
    const rowCount = async (): Promise<number> =>
      Number(/(\d+) rows/.exec(await page.innerText('.stream .view-bar'))![1]);
    const moreRows = async (): Promise<void> => {
      const before = await rowCount();
      await until('more rows have come', async () => (await rowCount()) > before + 4);
    };
    const isFollowing = (): Promise<boolean> => page.getByRole('button', { name: 'Follow', pressed: true }).isVisible();
    await until('there is more than a screen', async () => (await rowCount()) > 80);
    for (const [width, height] of [
      [1280, 400],
      [2560, 1400],
      [390, 844],
      [1280, 720],
    ] as const) {
      await page.setViewportSize({ width, height });
      await moreRows();
      t.ok(await isFollowing(), `a window of ${String(width)} × ${String(height)} follows`);
    }
    /** Presses at a place while rows come, until this is done. @returns the revision of the row there */
    const press = async (meanwhile: () => Promise<void>): Promise<string> => {
      await page.mouse.down();
      const revision = await page.locator('.list-row:hover .cells > :first-child').innerText();
      const { hub } = repository.server.bus;
      const before = hub.revision;
      await until('many events have come', () => hub.revision > before + 10);
      await meanwhile();
      await page.mouse.up();
      return revision;
    };
    const slowClick = async (): Promise<void> => {
      const revision = await press(async () => undefined);
      await page.waitForSelector(`.list-row.selected:has-text("${revision}")`);
      await page.keyboard.press('Escape');
    };
    const markText = async (): Promise<void> => {
      const x = await page.evaluate(
        () => document.querySelector('.list-row:not([hidden]) .type')!.getBoundingClientRect().x,
      );
      await page.mouse.move(x - 4, 300);
      const revision = await press(() => page.mouse.move(x + 120, 300));
      const marked = await page.evaluate(() => getSelection()!.toString());
      t.match(marked, /task/);
      await moreRows();
      t.equal(await page.evaluate(() => getSelection()!.toString()), marked, `row ${revision} stays marked`);
    };
    const leaving: readonly (readonly [string, () => Promise<void>])[] = [
      ['the button', () => page.click('button:has-text("Follow")')],
      ['Home', () => page.keyboard.press('Home')],
      ['a few pixels of a trackpad', () => page.mouse.wheel(0, -4)],
      ['a click, however slow', slowClick],
      ['marking text', markText],
      [
        'the focus on a row',
        () => page.evaluate(() => document.querySelector<HTMLElement>('.list-row:not([hidden]) a')!.focus()),
      ],
    ];
    for (const [what, leave] of leaving) {
      await page.mouse.move(400, 300);
      await leave();
      await moreRows();
      t.notOk(await isFollowing(), `${what} leaves the newest rows`);
      await page.keyboard.press('f');
      await moreRows();
      t.ok(await isFollowing());
    }
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { nodes } = await session.send('Memory.getDOMCounters');
    t.ok(nodes < 5_000, `of the rows that have gone nothing is kept: ${String(nodes)} nodes`);
  },
);

onSwarm('scrubbing back shows the swarm as it was', async (t, { page, repository }) => {
  repository.remove('reservation', 'res-2');
  await page.waitForSelector('.figure.zero:has-text("contested")');
  await page.focus('.scrub-track input');
  await page.keyboard.press('Home');
  await page.waitForSelector('.figure.critical:has-text("contested")');
  await shows(t, page, '.notices', /Paused at/);
  await page.click('.scrub-bar button');
  await page.waitForSelector('.figure.zero:has-text("contested")');
});

onSwarm('heartbeats are hidden, the page says so, and shows them on demand', async (t, { page, repository }) => {
  await go(page, 't');
  beat(repository, 'res-4', 'agent-4', Date.now());
  await page.waitForSelector('.view-bar:has-text("1 heartbeat is hidden")');
  t.equal(await page.locator('.cells .kind-heartbeat').count(), 0);
  await page.check('.view-bar input');
  await page.waitForSelector('.cells .kind-heartbeat');
  // A ticked box is no text: every key goes on to work, and what they select is heard and can be copied.
  await page.keyboard.press('k');
  await page.waitForSelector('.list-scroller[role=grid][aria-activedescendant]:focus');
  const copied = await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    document.activeElement!.dispatchEvent(
      new ClipboardEvent('copy', { clipboardData, bubbles: true, cancelable: true }),
    );
    return clipboardData.getData('text/plain');
  });
  t.match(copied, /\theartbeat\tagent-4\t/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('.detail', { state: 'detached' });
  t.not(await page.evaluate(() => document.activeElement?.tagName), 'BODY', 'the focus is not lost');
  await go(page, 'a');
  await page.waitForSelector('.agents [role=columnheader][aria-sort]');
  await go(page, 's');
  await page.waitForSelector('.symbols [role=treegrid] [role=row][aria-level="1"][aria-expanded]');
});

onSwarm('an event is shown in full: data, changes, raw frame and work history', async (t, { page, repository }) => {
  await go(page, 't');
  repository.rename('task', 'task-1', {
    run_id: 'agent-4',
    branch: 'dev',
    task_id: 'task-1',
    title: 'slow down search',
  });
  await page.click('.stream-grid.cells:has(.type-modified)');
  await page.waitForSelector('.detail .changes');
  await shows(t, page, '.detail .changes', /title\s+“speed up search”\s+“slow down search”/);
  await page.click('.detail .raw summary');
  await page.waitForSelector('.detail .hex');
  await shows(t, page, '.detail .hex', /0000 {2}5b/, 'the frame is a JSON array, and begins with [');
  await page.click('.stream-grid.cells:has(.kind-intent)');
  await page.waitForSelector('.detail .work-history');
  await shows(t, page, '.detail .work-history', /reservation[^]*list[^]*intent[^]*modify list[^]*heartbeat\s+none/);
});

onSwarm('the capture can be exported, and is replayed offline when it is dropped on the page', async (t, { page }) => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('e')]);
  const text = readFileSync(await download.path(), 'utf8');
  const kinds = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { kind: string }).kind);
  t.same(kinds.sort(), ['intent', 'reservation', 'reservation', 'reservation', 'reservation', 'task']);
  await page.evaluate((content) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([`${content}no event\n`], 'swarm.ndjson'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
  }, text);
  await page.waitForSelector('.notice:has-text("(offline): 6 events, 1 line could not be read")');
  await shows(t, page, '.attention', /agent-1 and agent-2 hold/);
  await page.click('.notice button');
  await page.waitForSelector('.connection-state.good');
});

onSwarm('nothing in a record becomes markup, and invisible characters are escaped', async (t, { page, repository }) => {
  await go(page, 't');
  repository.rename('task', 'evil', {
    task_id: 'evil',
    run_id: '<img src=x onerror=alert(1)>',
    branch: 'a\u202eb\nc',
    title: `<script>alert(1)</script>${'x'.repeat(10_000)}`,
    deep: JSON.parse('['.repeat(25) + ']'.repeat(25)) as unknown,
    many: Array.from({ length: 5_000 }, (_, i) => i),
  });
  await page.click('.stream-grid.cells:has-text("<img")');
  await page.waitForSelector('.detail .json');
  t.equal(await page.locator('main img, main script, .detail img, .detail script').count(), 0);
  await shows(t, page, '.stream-grid.cells:has-text("<img")', /a\\u\{202e\}b\\u\{a\}c/);
  await shows(t, page, '.detail .json', /10025 characters/, 'long texts are expanded on demand');
  t.ok((await page.locator('.detail *').count()) < 1_500, 'and so are deep and long values');
});

onSwarm('the page explains why an event was, or was not, delivered to a client', async (t, { page }) => {
  await go(page, 'b');
  await page.waitForSelector('.explain');
  await shows(t, page, '.explain', /Why was this event \(not\) delivered\?/);
  await shows(t, page, '.bus table', /this page/);
  await page.fill('.explain input', 'res-1');
  await page.click('.explain button.primary');
  await page.waitForSelector('.verdict');
  await shows(t, page, '.verdict', /delivered/);
});

onSwarm(
  'the first view says who waits for whom, and one act opens the address with its holders and waiters',
  async (t, on) => {
    const { page, repository } = on;
    const wants = { run_id: 'agent-7', branch: 'dev', addresses: ['src/api/routes.py::list'] };
    repository.rename('intent', 'int-7', { ...wants, created_at: new Date().toISOString() });
    await page.waitForSelector('.wait-lines .matter.warning');
    await shows(
      t,
      page,
      '.blocked',
      /agent-7 → src\/api\/routes\.py::list ← agent-4\s+waiting .* · until \d\d:\d\d:\d\d \(.* left\)/,
    );
    await page.click('.wait-lines a:has-text("Explain")');
    await shows(t, page, '.detail', /Holders\s+agent-4[^]*until[^]*expires_at[^]*Waiters[^]*agent-7 →[^]*Last changes/);
    await page.goBack();
    await page.waitForSelector('.blocked');
    t.match(page.url(), /#\/pulse$/, 'Back leads to where the link was followed');
  },
);

onSwarm('a link opened in a new tab shows the same place, with what happened before that tab', async (t, on) => {
  const { page, repository } = on;
  repository.rename('task', 'task-9', { task_id: 'task-9', title: 'before the tab', run_id: 'agent-1' });
  repository.remove('task', 'task-1');
  await go(page, 't');
  await page.waitForSelector('.stream-grid.cells:has(.type-removed)');
  const other = await page.context().newPage();
  t.teardown(() => other.close());
  await other.goto(page.url().replace(/\?.*/, ''));
  await other.waitForSelector('.stream-grid.cells:has(.type-removed)');
  await shows(t, other, '.stream', /before the tab/);
  await shows(t, other, '.stream', /connected at revision/);
  await other.keyboard.press('Control+k');
  await other.keyboard.type('agent-4');
  await other.waitForSelector('.palette-list li:has-text("agent-4")');
  await other.keyboard.press('Enter');
  await shows(t, other, '.detail', /Run agent-4/);
});

/** What a person does with the page, counted. */
class Person {
  acts = 0;

  constructor(
    private readonly page: Page,
    private readonly hand: 'mouse' | 'keyboard',
  ) {}

  /** Looks for something by its name, which has to be typed in any case, and opens what is found. */
  async find(name: string): Promise<void> {
    this.acts++;
    await this.page.keyboard.press('Control+k');
    await this.page.keyboard.type(name);
    await this.page.waitForSelector(`.palette-list li:has-text("${name}")`);
    await this.page.keyboard.press('Enter');
  }

  async press(keys: string, button: string): Promise<void> {
    this.acts++;
    // A person sees it before pressing its key.
    await this.page.waitForSelector(button);
    if (this.hand === 'keyboard') for (const key of keys.split(' ')) await this.page.keyboard.press(key);
    else await this.page.click(button);
  }
}

const MOST_ACTS = 2;

onSwarm('five questions are answered with at most two acts each, by mouse and by keyboard', async (t, on) => {
  const { page, repository } = on;
  const total = 'src/billing.py::total';
  beat(repository, 'res-4', 'agent-4', Date.now() - 500_000);
  const wants = { run_id: 'agent-7', branch: 'dev', addresses: ['src/api/routes.py::list'] };
  repository.rename('intent', 'int-7', { ...wants, created_at: new Date().toISOString() });
  const bus = await connect({ root: repository.root, name: 'agent-7' });
  t.teardown(() => bus.close());
  const told = bus.subscribe({ kinds: ['task'] }).updates();
  await told.next();
  await page.waitForSelector('.wait-lines .matter');
  for (const hand of ['mouse', 'keyboard'] as const) {
    const questions: readonly (readonly [
      what: string,
      act: (person: Person) => Promise<void>,
      where: string,
      answer: RegExp,
    ])[] = [
      ['who waits for whom', () => Promise.resolve(), '.blocked', /agent-7 → src\/api\/routes\.py::list ← agent-4/],
      ['who is stuck', () => Promise.resolve(), 'main', /holder silent for|agent-4 has been silent/],
      [
        'who holds it, until when',
        (person) => person.find(total),
        '.detail',
        /agent-1[^]*until \d\d:\d\d:\d\d \(.* left\)/,
      ],
      ['what happened', (person) => person.press('g t', 'nav a:has-text("Stream")'), '.stream', /agent-7/],
      [
        'why was agent-7 not told',
        async (person) => {
          await person.find(total);
          await person.press('w', '[data-told]');
        },
        '.told',
        /agent-7[^]*kind/,
      ],
    ];
    for (const [what, act, where, answer] of questions) {
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await go(page, 'p');
      await page.waitForSelector('.blocked');
      const person = new Person(page, hand);
      await act(person);
      await shows(t, page, where, answer, `${what}, by ${hand}`);
      t.ok(person.acts <= MOST_ACTS, `${what}, by ${hand}: ${String(person.acts)} acts`);
    }
  }
});
