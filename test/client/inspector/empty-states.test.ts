import { readFileSync, renameSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { BrowserContext } from 'playwright-core';
import { BusServer } from '../../../server/index.js';
import { noChromium, startChromium } from '../../support/chromium.js';
import { addressOf, openInspector, shows } from '../../support/inspector-page.js';
import { writeSwarm } from '../../support/inspector-records.js';
import { ServedRepository } from '../../support/served-repository.js';

let browser: Awaited<ReturnType<typeof startChromium>> | undefined;
t.teardown(() => browser?.stop());

const inBrowser = (title: string, run: (t: Test, context: BrowserContext) => Promise<void>) =>
  t.test(title, { skip: noChromium }, async (t) => {
    browser ??= await startChromium();
    await run(t, browser.context);
  });

inBrowser('without a token the page asks for one, and uses the one that is entered', async (t, context) => {
  const repository = new ServedRepository();
  writeSwarm(repository, Date.now());
  const endpoint = await repository.start();
  t.teardown(() => repository.stop());
  const { page } = await openInspector(context, addressOf(endpoint).replace(/#.*/, ''));
  await page.waitForSelector('[data-empty-state=no-token]');
  await shows(t, page, '.empty-state', /muse-bus serve/);
  await page.fill('#address', endpoint.token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.attention');
});

inBrowser('a wrong token is distinguished from a server that cannot be reached', async (t, context) => {
  const repository = new ServedRepository();
  const endpoint = await repository.start();
  t.teardown(() => repository.stop());
  const { page } = await openInspector(context, addressOf({ ...endpoint, token: 'wrong' }));
  await page.waitForSelector('[data-empty-state=refused]');
  await shows(t, page, '.empty-state', /Authentication failed: invalid token[^]*endpoint\.json/);
  const { page: other } = await openInspector(context, addressOf(endpoint).replace(/#.*/, ''));
  await other.waitForSelector('[data-empty-state=no-token]');
  await other.goto(addressOf({ ...endpoint, token: '%e0%' }));
  await other.waitForSelector('[data-empty-state=refused]');
  // The event of a new address comes later than the address, and something else may have taken the token by then.
  await other.evaluate((token) => {
    location.hash = `#token=${token}`;
    history.replaceState(null, '', location.pathname);
  }, endpoint.token);
  await other.waitForSelector('.connection-state.good');
});

inBrowser('where the browser blocks what a page may keep, the page works until it is reloaded', async (t, context) => {
  const repository = new ServedRepository();
  writeSwarm(repository, Date.now());
  const endpoint = await repository.start();
  t.teardown(() => repository.stop());
  const page = await context.newPage();
  await page.addInitScript(() => {
    const refuse = {
      get: () => {
        throw new DOMException('blocked', 'SecurityError');
      },
    };
    for (const name of ['sessionStorage', 'localStorage', 'indexedDB']) Object.defineProperty(window, name, refuse);
    Object.defineProperty(window, 'BroadcastChannel', {
      value: function refused() {
        throw new DOMException('blocked', 'SecurityError');
      },
    });
  });
  await page.goto(addressOf(endpoint).replace(/#.*/, ''));
  await page.fill('#address', endpoint.token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.attention');
  await page.goto(addressOf(endpoint));
  // The page takes the token out of the address when it is told of the new one.
  await page.waitForURL((url) => !url.hash.includes('token='));
  await page.reload();
  await page.waitForSelector('[data-empty-state=no-token]');
});

inBrowser('without records the page says that the bus is healthy, and what to try', async (t, context) => {
  const repository = new ServedRepository();
  const { page } = await openInspector(context, addressOf(await repository.start()));
  t.teardown(() => repository.stop());
  await page.waitForSelector('[data-empty-state=empty]');
  await shows(t, page, '.empty-state', /Watching \.muse\/coordination\/[^]*muse-bus demo/);
  writeSwarm(repository, Date.now());
  await page.waitForSelector('.attention', { timeout: 30_000 });
});

inBrowser(
  'after a lost connection the page keeps the last known state, says since when, and resyncs when another bus answers',
  async (t, context) => {
    const repository = new ServedRepository({ journal: false, transport: 'ws', heartbeatMs: 200 });
    writeSwarm(repository, Date.now());
    const endpoint = await repository.start();
    const { page } = await openInspector(context, addressOf(endpoint));
    await page.waitForSelector('.attention');
    renameSync(repository.root, `${repository.root}.away`);
    await shows(t, page, '.notices', /Outdated: .*as of.*nothing after it is known/, 'a bus without its files says so');
    t.ok(await page.isVisible('.app.stale'));
    renameSync(`${repository.root}.away`, repository.root);
    await page.waitForSelector('.connection-state.good');
    await repository.server.stop();
    await page.waitForSelector('.notice.bad');
    await shows(t, page, '.notice.bad', /Connection lost.*as of.*muse-bus serve/s);
    await shows(t, page, '.attention', /agent-1 and agent-2/, 'the last known state stays');
    t.ok(await page.isVisible('.app.stale'), 'and looks like what is not known any more');
    // With ws, because uWebSockets.js keeps its port for a while within one process.
    const port = Number(new URL(endpoint.url).port);
    const successor = new BusServer({ root: repository.root, port, journal: false, transport: 'ws' });
    await successor.start();
    t.teardown(async () => {
      await successor.stop();
      repository.dispose();
    });
    await page.waitForSelector('.notice.warn:has-text("Resynced")');
    await shows(t, page, '.notice.warn', /began a new history/);
  },
);

t.test('all assets together stay small', async (t) => {
  const { gzipSync } = await import('node:zlib');
  const files = ['index.html', 'inspector.js', 'worker.js', 'style.css', 'icon.svg'].map((name) =>
    readFileSync(new URL(`../../../dist/inspector/${name}`, import.meta.url)),
  );
  const size = files.reduce((sum, file) => sum + file.length, 0);
  const zipped = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  t.ok(size <= 1_048_576, `${String(size)} bytes`);
  t.ok(zipped <= 307_200, `${String(zipped)} bytes gzipped`);
});
