import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Page } from 'playwright-core';
import { connect, type BusClient } from '../../../client/sdk/index.js';
import { DEFAULT_SPAN, formatPlace, type Place } from '../../../client/inspector/model/place.js';
import { DemoSwarm } from '../../../client/cli/demo/swarm.js';
import { noChromium, startChromium } from '../../support/chromium.js';
import { addressOf, complaintsOf, openInspector, shows } from '../../support/inspector-page.js';
import { ServedRepository } from '../../support/served-repository.js';
import { smallPng } from '../../support/small-png.js';

t.setTimeout(300_000);

const isForTheDocuments = process.env['UPDATE_SCREENSHOTS'] === '1';
const SCREENSHOTS = fileURLToPath(new URL('../../../docs/screenshots', import.meta.url));
const MAX_SCREENSHOT_BYTES = 204_800;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = [
  ['p', 'pulse', '.matter'],
  ['a', 'agents', '.agents .presence'],
  ['s', 'symbols', '.symbols .path'],
  ['l', 'lanes', '.lanes canvas'],
  ['t', 'stream', '.stream .type'],
  ['b', 'bus', '.bus table'],
] as const;

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** The findings of an accessibility checker, which the page must have loaded. */
async function findings(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(options: object): Promise<{ violations: Finding[] }> } }).axe.run({
      resultTypes: ['violations'],
    }),
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 160)} ${nodes[0]!.failureSummary ?? ''}`);
}

/**
 * The controls that lie beyond the left or right edge of the window, and how far the page itself can be scrolled sideways. A table may be
 * wider than the window, inside its own frame.
 */
const spillOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const spills = scrollWidth > clientWidth ? [`the page is ${String(scrollWidth)} px wide`] : [];
    for (const element of document.querySelectorAll('a, button, input, select, summary, canvas, h1, h2, p')) {
      const { left, right, width } = element.getBoundingClientRect();
      const frame = element.closest('.list, .table-scroll, pre');
      if (width > 0 && !frame && (left < -1 || right > clientWidth + 1))
        spills.push(`${element.outerHTML.slice(0, 80)} from ${String(left)} to ${String(right)}`);
    }
    // A section that is squeezed lies on the next.
    const boxes = [...document.querySelectorAll('.pulse > *, .bus > *')].map((part) => part.getBoundingClientRect());
    const inner = [...document.querySelectorAll('.pulse > *, .bus > *')].map((part) => part.lastElementChild!);
    for (const [i, box] of boxes.entries()) {
      const below = inner[i]!.getBoundingClientRect().bottom;
      const isCovered = boxes.some(
        (other) => other.left < box.right && other.top >= box.bottom - 1 && other.top < below - 1,
      );
      const isScrolled = getComputedStyle(inner[i]!.parentElement!).overflowY !== 'visible';
      if (isCovered && !isScrolled) spills.push(`${inner[i]!.outerHTML.slice(0, 80)} goes on below the next section`);
    }
    return spills;
  });

/** What a finger must hit, and is smaller than 24 CSS pixels. In a row, which is a target as a whole, and in a sentence it may be. */
const smallTargets = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('a, button, select, summary, input, .list-row')]
      .filter((element) => !element.matches('.list-row *, .matter-text a, .hidden'))
      .map((element) => ({ element, ...element.getBoundingClientRect().toJSON() }) as { element: Element } & DOMRect)
      .filter(({ width, height }) => width > 0 && height > 0 && (width < 24 || height < 24))
      .map(({ element, width, height }) => `${element.outerHTML.slice(0, 80)}: ${String(width)} × ${String(height)}`),
  );

/** What is wrong with what a screen reader is given: controls without a name, and texts that are read aloud at each change. */
async function treeFaults(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const shown = nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, properties = [] }) => ({
      role: String(role?.value),
      name: String(name?.value ?? ''),
      live: properties.some((one) => one.name === 'live' && one.value.value !== 'off'),
    }));
  const named = /^(?:button|link|textbox|searchbox|combobox|checkbox|slider|grid|treegrid|columnheader|main|region)$/;
  const faults = shown.filter(({ role, name }) => named.test(role) && name.trim() === '').map(({ role }) => role);
  if (shown.filter(({ role }) => role === 'heading').length < 2) faults.push('no heading of the view');
  // The state of the connection, and the answer of the bus to a question.
  const announced = 1 + (await page.locator('.verdict').count());
  if (shown.filter(({ live }) => live).length !== announced) faults.push('more is announced than what is news');
  return faults;
}

/** Windows that people have. A zoom of 200 % halves the size in CSS pixels. */
const WINDOWS: readonly (readonly [what: string, width: number, height: number])[] = [
  ['a small phone', 320, 640],
  ['a phone', 390, 844],
  ['half a screen', 720, 900],
  ['a low tablet', 1024, 560],
  ['a tablet', 820, 1180],
  ['a laptop', 1440, 900],
  ['a large screen', 2560, 1440],
  ['1280 × 720 at 200 %', 640, 360],
  ['1280 × 1024 at 400 %', 320, 256],
];

/** The size of the pictures in the documents. */
const USUAL = { width: 1280, height: 720 };

const HERE: Place = { view: 'stream', query: '', target: undefined, atMs: undefined, since: DEFAULT_SPAN };

/** Goes to a place as a link does. */
const follow = (page: Page, place: Place): Promise<void> =>
  page.evaluate((hash) => {
    location.hash = hash;
  }, formatPlace(place));

async function takeScreenshot(page: Page, name: string): Promise<void> {
  writeFileSync(join(SCREENSHOTS, `${name}.png`), smallPng(await page.screenshot()));
}

const someReservation = ({ dir }: ServedRepository): string =>
  readdirSync(dir.of('reservation'))
    .find((name) => name.endsWith('.json'))!
    .replace(/\.json$/, '');

/** Subscribes, so that the view of the bus has a client to show. */
async function subscribe(root: string): Promise<BusClient> {
  const bus = await connect({ root });
  const consume = async (events: AsyncIterable<unknown>): Promise<void> => {
    const iterator = events[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true);
  };
  void consume(bus.subscribe({ kinds: ['reservation', 'release'], branches: ['main'] }));
  void consume(bus.subscribe({ addresses: ['src/billing.py::*'] }, { maxEvents: 1000 }));
  return bus;
}

/** Resolves when the page no longer moves: after two frames, and at the end of every transition. */
const settled = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)));
  });

/** Brings a view into the state that the documents show, with a selection if that shows more. */
async function prepare(page: Page, name: string, reservation: string): Promise<void> {
  // The story of the demo has a wait in most of its moments, and the documents show one.
  if (name === 'pulse' && isForTheDocuments) await page.waitForSelector('.wait-lines .matter', { timeout: 70_000 });
  if (name === 'stream') {
    // An event that was selected before has ended the following, and the list begins with the oldest events.
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await page.click('.stream-grid.cells:has(.kind-intent)');
  }
  if (name === 'symbols') await page.click('.symbol-grid .path.symbol');
  if (name === 'bus') {
    await page.selectOption('.explain select', { index: 1 });
    await page.fill('.explain input', reservation);
    await page.click('.explain button.primary');
    await page.waitForSelector('.verdict');
  }
  await settled(page);
}

t.test('no screenshot of the documents is larger than 200 KiB', async (t) => {
  for (const name of readdirSync(SCREENSHOTS))
    t.ok(statSync(join(SCREENSHOTS, name)).size <= MAX_SCREENSHOT_BYTES, name);
});

t.test(
  'every view in light and dark mode and in any window: nothing beyond the edges, no finding of axe',
  { skip: noChromium },
  async (t) => {
    const repository = new ServedRepository();
    const swarm = new DemoSwarm(repository.root, isForTheDocuments ? 40 : 12);
    swarm.start();
    const { context, stop } = await startChromium();
    const inspector = await openInspector(context, addressOf(await repository.start()));
    const { page } = inspector;
    const listeners = await subscribe(repository.root);
    t.teardown(async () => {
      swarm.stop();
      await stop();
      await listeners.close();
      await repository.stop();
    });
    await page.waitForSelector('.matter');
    await page.evaluate(AXE);
    // After a while the swarm has more to show.
    if (isForTheDocuments) await page.waitForTimeout(75_000);
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const [key, name, sign] of VIEWS) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.waitForSelector(sign);
        await prepare(page, name, someReservation(repository));
        if (isForTheDocuments) await takeScreenshot(page, `${name}-${scheme}`);
        await page.setViewportSize({ width: 1440, height: 900 });
        t.same(await findings(page), [], `${name} ${scheme}: no finding of axe`);
        t.same(await treeFaults(page), [], `${name} ${scheme}: a screen reader has names, headings, and no chatter`);
        await page.setViewportSize(USUAL);
        const spill = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        t.equal(spill, 0, `${name} ${scheme}: nothing overflows`);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
      }
    }
    for (const [what, width, height] of WINDOWS) {
      await page.setViewportSize({ width, height });
      for (const [key, name, sign] of VIEWS) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.waitForSelector(sign);
        await settled(page);
        t.same(await spillOf(page), [], `${name} on ${what}: nothing beyond the edges`);
        if (width === 320 && height > 320) t.same(await findings(page), [], `${name} on ${what}: no finding of axe`);
      }
      const target = { type: 'record', key: `reservation/${someReservation(repository)}` } as const;
      await follow(page, { ...HERE, target });
      await page.waitForSelector('.detail .json');
      t.same(await spillOf(page), [], `details on ${what}: nothing beyond the edges`);
      await follow(page, HERE);
      await page.waitForSelector('.detail', { state: 'detached' });
    }
    const fingers = await context.newCDPSession(page);
    await fingers.send('Emulation.setTouchEmulationEnabled', { enabled: true });
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [key, name, sign] of VIEWS) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForSelector(sign);
      await settled(page);
      t.same(await smallTargets(page), [], `${name} under fingers: no target is small`);
    }
    await fingers.detach();
    await page.setViewportSize(USUAL);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog');
    if (isForTheDocuments) await takeScreenshot(page, 'help-dark');
    t.same(await findings(page), [], 'help: no finding of axe');
    t.same(await complaintsOf(inspector), []);
  },
);

const EXTENSION = fileURLToPath(new URL('../../../dist/inspector-extension', import.meta.url));
/** The id follows from the key in the manifest, wherever the extension is loaded from. */
const EXTENSION_ID = 'efnpmendjmapajmhnnankkdoacnbkimd';

t.test('the panel in the developer tools connects to a bus that allows it', { skip: noChromium }, async (t) => {
  const repository = new ServedRepository({ allowOrigins: [`chrome-extension://${EXTENSION_ID}`] });
  const address = addressOf(await repository.start());
  const { context, stop } = await startChromium([], EXTENSION);
  t.teardown(async () => {
    await stop();
    await repository.stop();
  });
  const page = await context.newPage();
  await page.goto(`chrome-extension://${EXTENSION_ID}/panel.html`);
  await page.waitForSelector('[data-empty-state=no-token]');
  await page.fill('#address', address);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-empty-state=empty]');
  await shows(t, page, '.connection-state', /connected/);
});
