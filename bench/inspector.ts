/**
 * Measures the inspector in a real browser: the first view with 20,000 records, the time until a change is on the screen, and, during a
 * minute of 2,000 events a second while the capture is stored, in each part of it: the longest tasks, the memory of the renderer, what the
 * page shows, and how far that is behind the bus.
 *
 *     npm run build && npx tsc -p tsconfig.bench.json
 *     node .build/bench/inspector.js [--seconds 60] [--view stream|pulse|…|all] [--browsers 6]
 *
 * `all` shows the next view in each part. `--browsers` is the number of new browsers in which the first view is measured.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { CDPSession, Page } from 'playwright-core';
import { VIEW_KEYS, VIEW_NAMES, type ViewName } from '../client/inspector/model/view-name.js';
import { connect } from '../client/sdk/index.js';
import { startChromium } from '../test/support/chromium.js';
import { readScriptArguments, refuseArguments } from '../test/support/script-arguments.js';
import { withChildren } from './child.js';
import { cleanUpOnAbort } from './cleanup.js';
import type { SwarmPlan, SwarmRecord } from './clients/swarm-writer.js';
import { withRepository } from './repository.js';

const USAGE = `node .build/bench/inspector.js [--seconds 60] [--view all|${VIEW_NAMES.join('|')}] [--browsers 6]\n`;
const { values } = readScriptArguments(USAGE, {
  seconds: { type: 'string', default: '60' },
  view: { type: 'string', default: 'stream' },
  browsers: { type: 'string', default: '6' },
});
const SECONDS = Number(values.seconds);
const BROWSERS = Number(values.browsers);
const SHOWN = VIEW_NAMES.filter((name) => values.view === 'all' || values.view === name);
if (SHOWN.length === 0) refuseArguments(`there is no view ${values.view}`, USAGE);
/** The parts of the flood that are reported, each with one view. A trace of five minutes would not fit into the browser's buffer. */
const PART_SECONDS = 20;
const RECORDS = 20_000;
const EVENTS_PER_SECOND = 2_000;
/** Returns the size of the page's heap, bytes. */
async function pageHeap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}

/** Returns the memory of the browser's largest renderer that it shares with no other process. */
function rendererMegabytes(profile: string): number {
  const sizes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (!command.includes('--type=renderer') || !command.includes(profile)) return 0;
        return Number(/^Private_Dirty: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
      } catch {
        return 0;
      }
    });
  return Math.round(Math.max(0, ...sizes) / 1_024);
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string };
  /** Microseconds by the clock (`dur`), and of the thread's own CPU time. */
  readonly dur?: number;
  readonly tdur?: number;
}

/**
 * Returns the longest task of the page's main thread while `call` runs, in milliseconds by the clock and of CPU time. Browser, bus and writer
 * share the machine here, so a task's time by the clock includes how long the others kept it waiting.
 */
async function longestTasks(session: CDPSession, call: () => Promise<void>): Promise<{ clock: number; cpu: number }> {
  const events: TraceEvent[] = [];
  const collect = ({ value }: { value: object[] }): void => {
    for (const event of value as TraceEvent[]) events.push(event);
  };
  session.on('Tracing.dataCollected', collect);
  const traceConfig = { includedCategories: ['toplevel'], excludedCategories: ['*'] };
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
  await call();
  const complete = new Promise<void>((resolve) =>
    session.once('Tracing.tracingComplete', () => {
      resolve();
    }),
  );
  await session.send('Tracing.end');
  await complete;
  session.off('Tracing.dataCollected', collect);
  const mainThreads = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${String(pid)}/${String(tid)}`),
  );
  const tasks = events.filter(
    ({ ph, name, pid, tid }) =>
      ph === 'X' && name.endsWith('RunTask') && mainThreads.has(`${String(pid)}/${String(tid)}`),
  );
  if (tasks.length === 0) throw new Error('the trace holds no task of the page');
  const longest = (of: (task: TraceEvent) => number): number =>
    Math.round(tasks.reduce((most, task) => Math.max(most, of(task)), 0) / 1_000);
  return { clock: longest(({ dur = 0 }) => dur), cpu: longest(({ tdur = 0 }) => tdur) };
}

/** Measures the time from the write of a file to its row in the stream, milliseconds. */
async function changeOnScreen(page: Page, n: number, write: (record: SwarmRecord) => Promise<void>): Promise<number> {
  const id = `probe-${String(n)}`;
  const seen = page.evaluate(
    (text) =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          if ([...document.querySelectorAll('.stream-grid.cells')].some((row) => row.textContent.includes(text)))
            resolve(Date.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
    id,
  );
  await new Promise((resolve) => setTimeout(resolve, 60));
  const began = Date.now();
  await write({ kind: 'task', id, data: { task_id: id, title: id, run_id: 'agent-1' } });
  return (await seen) - began;
}

interface Part {
  readonly view: ViewName;
  readonly until_s: number;
  readonly longest_task_ms: { readonly clock: number; readonly cpu: number };
  /** Tasks over 50 ms by the clock. They include the time for which other processes had the core. */
  readonly long_tasks_ms: readonly number[];
  readonly renderer_mb: number;
  /** The capture in the browser's storage. */
  readonly stored_mb: number;
  /** How many events the page is behind the bus; both were asked one after the other. */
  readonly behind: number;
  readonly shown_revision: number;
  /** What the page says of its capture. */
  readonly capture: string;
}

/** What the page shows now. */
const shownBy = (page: Page) =>
  page.evaluate(async () => {
    const text = (selector: string): string => document.querySelector(selector)?.textContent ?? '';
    const { usage = 0 } = await navigator.storage.estimate();
    const revision = Number(text('.vitals div:last-child dd').replaceAll(/\D/g, ''));
    return { revision, capture: text('.scrub-facts'), usage };
  });

async function show(page: Page, view: ViewName): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press(VIEW_KEYS[view]);
}

/** Opens the inspector. @returns milliseconds from the navigation to the first figures. */
async function firstViewOf(page: Page, address: string): Promise<number> {
  await page.goto(address);
  await page.waitForSelector('.figure', { timeout: 120_000 });
  return Math.round(await page.evaluate(() => performance.now()));
}

const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;

cleanUpOnAbort();
await withRepository(0, ({ root }) =>
  withChildren(async (start) => {
    const plan: SwarmPlan = { root, reservations: RECORDS, eventsPerSecond: EVENTS_PER_SECOND };
    const writer = await start('clients/swarm-writer', plan);
    const server = await start<{ url: string; token: string }>('programs/bus', { root, journal: false });
    // A user's browser does not share its machine with a swarm. So bus and writer get a lower priority than the page.
    setPriority(server.pid, 2);
    const { url, token } = server.ready;
    const address = `${url.replace(/^ws/, 'http')}/#token=${token}`;
    const firstViews: number[] = [];
    for (let i = 1; i < BROWSERS; i++) {
      const { context, stop } = await startChromium();
      firstViews.push(await firstViewOf(await context.newPage(), address).finally(stop));
    }
    const client = await connect({ url, token });
    const { context, profile, stop: stopBrowser } = await startChromium(['--enable-precise-memory-info']);
    try {
      const page = context.pages()[0] ?? (await context.newPage());
      await page.setViewportSize({ width: 1280, height: 720 });
      const session = await context.newCDPSession(page);
      await page.addInitScript(() => {
        const tasks: number[] = [];
        Object.assign(window, { longTasks: tasks });
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) tasks.push(duration);
        }).observe({ entryTypes: ['longtask'] });
      });
      const longTasks = (): Promise<number[]> =>
        page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0).map(Math.round));
      firstViews.push(await firstViewOf(page, address));
      const loading = await longTasks();
      await show(page, 'stream');
      await page.waitForSelector('.stream-grid.cells');
      await page.waitForTimeout(1_000);
      const changes: number[] = [];
      for (let i = 0; i < 21; i++)
        changes.push(await changeOnScreen(page, i, (record) => writer.call('write', record)));
      changes.sort((a, b) => a - b);
      await longTasks();
      const rendererBefore = rendererMegabytes(profile);
      const heapBefore = await pageHeap(session);
      const revisionBefore = (await client.inspect('overview', { limit: 1 })).revision;
      const parts: Part[] = [];
      const began = Date.now();
      await writer.call('flood');
      for (let until = PART_SECONDS; until <= SECONDS; until += PART_SECONDS) {
        const end = began + until * 1_000;
        const view = SHOWN[parts.length % SHOWN.length]!;
        const longest = await longestTasks(session, async () => {
          await show(page, view);
          await page.waitForTimeout(Math.max(0, end - Date.now()));
        });
        const { revision } = await client.inspect('overview', { limit: 1 });
        const shown = await shownBy(page);
        parts.push({
          view,
          until_s: Math.round((Date.now() - began) / 1_000),
          longest_task_ms: longest,
          long_tasks_ms: await longTasks(),
          renderer_mb: rendererMegabytes(profile),
          stored_mb: megabytes(shown.usage),
          behind: Math.max(0, revision - shown.revision),
          shown_revision: shown.revision,
          capture: shown.capture,
        });
        console.error(JSON.stringify(parts.at(-1)));
      }
      const written = await writer.call<number>('end');
      const seconds = (Date.now() - began) / 1_000;
      await page.waitForTimeout(2_000);
      const published = (await client.inspect('overview', { limit: 1 })).revision - revisionBefore;
      const shown = (await shownBy(page)).revision - revisionBefore;
      const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
      const result = {
        // Each in a new browser. Before the first one the server has received no request.
        first_view_ms: firstViews,
        long_tasks_while_loading_ms: loading,
        change_on_screen_ms: { median: changes[10], worst: changes[20] },
        flood: {
          seconds: Math.round(seconds),
          written,
          // Of a file that was written twice before it was read, the last version is an event.
          published,
          shown,
          events_per_second: Math.round(published / seconds),
          long_tasks: parts.reduce((sum, { long_tasks_ms }) => sum + long_tasks_ms.length, 0),
          parts,
        },
        page_heap_mb: { before: megabytes(heapBefore), after: megabytes(await pageHeap(session)) },
        // The whole process of the renderer: page, worker, code, canvases.
        renderer_mb: { before: rendererBefore, after: rendererMegabytes(profile) },
        nodes,
      };
      console.log(JSON.stringify(result, undefined, 2));
    } finally {
      await client.close();
      await stopBrowser();
    }
  }),
);
