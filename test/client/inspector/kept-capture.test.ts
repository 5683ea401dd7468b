import t from 'tap';
import type { Page } from 'playwright-core';
import { BusServer } from '../../../server/index.js';
import { noChromium, startChromium } from '../../support/chromium.js';
import { addressOf, openInspector, shows } from '../../support/inspector-page.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

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
    const limits = { maxHistoryEvents: 4 };
    const repository = new ServedRepository({ limits });
    const endpoint = await repository.start();
    const { context, stop } = await startChromium();
    const { page } = await openInspector(context, addressOf(endpoint));
    t.teardown(async () => {
      await stop();
      await repository.stop();
    });
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

    await repository.server.stop();
    const { port } = new URL(endpoint.url);
    const later = new BusServer({ root: repository.root, port: Number(port), limits });
    t.teardown(() => later.stop());
    await page.goto(addressOf(await later.start()));
    await page.waitForSelector('.connection-state.good');
    await shows(t, page, '.stream', /step 20 of many[^]*connected at revision/);
    t.notMatch(await page.innerText('.stream'), /step 2 of many|step 10 of many/);
    await until('the storage is cleared', async () => (await storedRevision(page)) === 0);
  },
);

t.test(
  'where the browser refuses its storage, the page says so and goes on without',
  { skip: noChromium },
  async (t) => {
    const repository = new ServedRepository();
    const address = addressOf(await repository.start());
    const { context, stop } = await startChromium();
    t.teardown(async () => {
      await stop();
      await repository.stop();
    });
    await context.route('**/worker.js', async (route) => {
      const refusal = `Object.defineProperty(self, 'indexedDB', { get() { throw new DOMException('no', 'SecurityError'); } });`;
      const response = await route.fetch();
      await route.fulfill({ response, body: `${refusal}\n${await response.text()}` });
    });
    const { page } = await openInspector(context, address);
    await page.waitForSelector('.connection-state.good');
    await shows(t, page, '.scrub-warning', /lost with a reload/);
    t.match(await page.getAttribute('.scrub-warning', 'title'), /the browser refuses to store it \(SecurityError\)/);
  },
);
