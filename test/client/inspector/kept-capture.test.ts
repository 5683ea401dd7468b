import t from 'tap';
import type { Page } from 'playwright-core';
import { noChromium, startChromium } from '../../support/chromium.js';
import { addressOf, openInspector, shows } from '../../support/inspector-page.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

/** One browser for this file. Each test has a server on another port, so another storage. */
let browser: Awaited<ReturnType<typeof startChromium>> | undefined;
t.teardown(() => browser?.stop());

/** The last revision in the browser's storage; 0 if there is none. */
const storedRevision = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const request = indexedDB.open('muse-bus.capture');
        request.onerror = () => {
          reject(new Error('refused'));
        };
        request.onsuccess = () => {
          const all = request.result.transaction('facts').objectStore('facts').getAll();
          all.onsuccess = () => {
            request.result.close();
            resolve(Math.max(0, ...(all.result as { to: number }[]).map(({ to }) => to)));
          };
        };
      }),
  );

t.test(
  'a reload of the page keeps what the bus has forgotten, marks a gap, and another token shows none of it',
  { skip: noChromium },
  async (t) => {
    // The bus forgets all but the last four events.
    const repository = new ServedRepository({ limits: { maxHistoryEvents: 4 } });
    const endpoint = await repository.start();
    t.teardown(() => repository.stop());
    const { context } = (browser ??= await startChromium());
    const { page } = await openInspector(context, addressOf(endpoint));
    let step = 0;
    const write = async (count: number): Promise<void> => {
      const { hub } = repository.server.bus;
      for (let i = 0; i < count; i++) {
        const { revision } = hub;
        repository.rename('task', 'task-1', { task_id: 'task-1', title: `step ${String(++step)} of many` });
        await until('the change is an event', () => hub.revision > revision);
      }
    };
    await page.waitForSelector('.connection-state.good');
    await write(10);
    const { revision } = repository.server.bus.hub;
    await until('all of it is stored', async () => (await storedRevision(page)) === revision);

    await page.goto(`${endpoint.url.replace(/^ws/, 'http')}/#/stream`);
    await page.reload();
    await shows(t, page, '.stream', /step 2 of many[^]*step 9 of many[^]*step 10 of many/);
    t.notMatch(await page.innerText('.stream'), /gap/, 'nothing is missing between what was stored and the bus');

    await page.goto('about:blank');
    await write(10);
    await page.goto(`${endpoint.url.replace(/^ws/, 'http')}/#/stream`);
    await shows(t, page, '.stream', /step 10 of many[^]*gap: events \d+ to \d+ are missing[^]*step 20 of many/);
    t.notMatch(await page.innerText('.stream'), /step 15 of many/);

    await page.goto(addressOf(repository.server.rotateToken()));
    const old = /step 2 of many|step 10 of many|gap/;
    await until('the old capture is no longer shown', async () => !old.test(await page.innerText('body')));
    await shows(t, page, '.stream', /history begins[^]*step 20 of many[^]*connected at revision/);
    t.notMatch(await page.innerText('.stream'), old);
    await until('the storage is cleared', async () => (await storedRevision(page)) === 0);
  },
);

t.test(
  'where the browser refuses its storage, the page says so and goes on without',
  { skip: noChromium },
  async (t) => {
    const repository = new ServedRepository();
    repository.rename('task', 'task-1', { task_id: 'task-1', title: 'one' });
    const address = addressOf(await repository.start());
    t.teardown(() => repository.stop());
    const { context } = (browser ??= await startChromium());
    const elsewhere = await context.newPage();
    await elsewhere.goto(`${new URL(address).origin}/icon.svg`);
    // A database of a later version cannot be opened.
    await elsewhere.evaluate(
      () =>
        new Promise<void>((resolve) => {
          indexedDB.open('muse-bus.capture', 99).onsuccess = ({ target }) => {
            (target as IDBOpenDBRequest).result.close();
            resolve();
          };
        }),
    );
    const { page } = await openInspector(context, address);
    await page.waitForSelector('.connection-state.good');
    await shows(t, page, '.scrub-warning', /lost with a reload/);
    t.match(await page.getAttribute('.scrub-warning', 'title'), /the browser refuses to store it \(VersionError\)/);
  },
);
