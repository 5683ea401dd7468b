/**
 * Measures the inspector in a real browser: the first view with 20,000 records, the time until a change is on the screen, and, during a
 * minute of 2,000 events a second, the longest task, the memory of the page and the number of its nodes.
 *
 *     npm run build && npx tsc -p tsconfig.bench.json && node .build/bench/inspector.js [seconds]
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../protocol/index.js';
import { BusServer } from '../server/index.js';
import { startChromium } from '../test/support/chromium.js';

const SECONDS = Number(process.argv[2] ?? 60);
const RECORDS = 20_000;
const EVENTS_PER_SECOND = 2_000;
const AGENTS = 200;
const FIRST_VIEWS = 6;
const root = mkdtempSync(join(tmpdir(), 'muse-bus-bench-'));
const directory = (kind: Kind): string => join(root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
const iso = (ms: number): string => new Date(ms).toISOString();

function write(kind: Kind, id: string, data: object): void {
  const temporary = join(directory(kind), `.${id}.tmp`);
  writeFileSync(temporary, JSON.stringify(data));
  renameSync(temporary, join(directory(kind), `${id}.json`));
}

function record(i: number): object {
  return {
    reservation_id: `r${String(i)}`,
    run_id: `agent-${String(i % AGENTS)}`,
    branch: ['main', 'dev', 'feature/billing'][i % 3],
    addresses: [`src/module${String(i % 50)}/file${String(i % 400)}.py::f${String(i)}`],
    created_at: iso(Date.now()),
    expires_at: iso(Date.now() + 3_600_000),
  };
}

/** Writes heartbeats and intents again and again, in small steps, as a swarm does. */
async function flood(seconds: number): Promise<number> {
  const began = Date.now();
  let written = 0;
  for (let now = began; now < began + seconds * 1_000; now = Date.now()) {
    const due = ((now - began) / 1_000) * EVENTS_PER_SECOND;
    while (written < due) {
      const i = written++ % 2_000;
      const common = {
        reservation_id: `r${String(i)}`,
        run_id: `agent-${String(i % AGENTS)}`,
        branch: 'main',
        n: written,
      };
      if (i % 2 === 0)
        write('heartbeat', `h${String(i)}`, {
          ...common,
          last_beat_at: iso(now),
          extended_expires_at: iso(now + 3_600_000),
        });
      else write('intent', `i${String(i)}`, { ...common, detail: `modify f${String(i)}`, created_at: iso(now) });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return written;
}

/** Returns the size of the page's heap, bytes. */
async function pageHeap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}

/** Returns the memory of the browser's largest renderer that it shares with no other process. */
function rendererMegabytes(): number {
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
 * Returns the longest task of the page's main thread while `call` runs, in milliseconds of CPU time. Browser, bus and writer share the
 * machine here, so a task's time by the clock includes how long the others kept it waiting.
 */
async function longestTaskCpu(session: CDPSession, call: () => Promise<void>): Promise<number> {
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
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
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur), 0) / 1_000;
}

/** Measures the time from the write of a file to its row in the stream, milliseconds. */
async function changeOnScreen(page: Page, n: number): Promise<number> {
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
  write('task', id, { task_id: id, title: id, run_id: 'agent-1' });
  return (await seen) - began;
}

for (const kind of KINDS) mkdirSync(directory(kind), { recursive: true });
for (let i = 0; i < RECORDS; i++)
  writeFileSync(join(directory('reservation'), `r${String(i)}.json`), JSON.stringify(record(i)));
const server = new BusServer({ root, port: 0, journal: false });
const { url, token } = await server.start();

/** Opens the inspector. @returns milliseconds from the navigation to the first figures. */
async function firstViewOf(page: Page): Promise<number> {
  await page.goto(`${url.replace(/^ws/, 'http')}/#token=${token}`);
  await page.waitForSelector('.figure');
  return Math.round(await page.evaluate(() => performance.now()));
}

const firstViews: number[] = [];
for (let i = 1; i < FIRST_VIEWS; i++) {
  const { context, stop } = await startChromium();
  firstViews.push(await firstViewOf(await context.newPage()).finally(stop));
}
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
    page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0));
  firstViews.push(await firstViewOf(page));
  const loading = await longTasks();
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.waitForSelector('.stream-grid.cells');
  await page.waitForTimeout(1_000);
  const changes: number[] = [];
  for (let i = 0; i < 21; i++) changes.push(await changeOnScreen(page, i));
  changes.sort((a, b) => a - b);
  await longTasks();
  const residentBefore = rendererMegabytes();
  const before = await pageHeap(session);
  let written = 0;
  // A user's browser does not share its machine with a swarm. So bus and writer get a lower priority than the page.
  setPriority(19);
  const longestCpu = await longestTaskCpu(session, async () => {
    written = await flood(SECONDS);
  });
  const during = await longTasks();
  const after = await pageHeap(session);
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
  console.log(
    JSON.stringify(
      {
        // Each in a new browser. Before the first one the server has received no request.
        first_view_ms: firstViews,
        long_tasks_while_loading_ms: loading.map(Math.round),
        change_on_screen_ms: { median: changes[10], worst: changes[20] },
        flood: {
          seconds: SECONDS,
          events: written,
          longest_task_cpu_ms: Math.round(longestCpu),
          // Tasks over 50 ms by the clock. They include the time for which other processes had the core.
          long_tasks_ms: during.map(Math.round),
        },
        page_heap_mb: { before: megabytes(before), after: megabytes(after) },
        // The whole process of the renderer: page, worker, code, canvases.
        renderer_mb: { before: residentBefore, after: rendererMegabytes() },
        nodes,
      },
      undefined,
      2,
    ),
  );
} finally {
  await stopBrowser();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
}
