import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import t from 'tap';
import type { Page } from 'playwright-core';
import { noChromium, startChromium } from '../../support/chromium.js';
import { CuttableProxy } from '../../support/cuttable-proxy.js';
import { freePort } from '../../support/free-port.js';
import { ServedRepository } from '../../support/served-repository.js';

/** The bundled browser entry, as a page loads it. */
async function bundle(): Promise<{ readonly code: string; readonly inputs: readonly string[] }> {
  const built = await build({
    entryPoints: ['client/sdk/browser.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
  });
  return { code: built.outputFiles[0]!.text, inputs: Object.keys(built.metafile.inputs) };
}

t.test('the browser entry is small, and nothing of Node is in it', async (t) => {
  const { code, inputs } = await bundle();
  // 800 more than before the lives of a connection and of a mirror were functions of state and event, which a watcher that closes
  // its client cannot undo. All of `Swarm` is in it, because a page may ask a mirror's for agents, tasks and waits. Going from one of several
  // servers to the next, and noticing that the machine slept, take another 600. Refusing a message that is too long for the server takes 180,
  // and what the model of leases does for speed, 450. To read addresses as agents write them (lists in a text, quotes, lines, urls) takes 400,
  // and as people write them (bullets, mentions, `a.py:f`, parameters) 600.
  t.ok(gzipSync(code).length < 29_700, `${String(gzipSync(code).length)} bytes gzipped`);
  t.same(
    inputs.filter((path) => path.startsWith('server/') || path.startsWith('node:') || path.includes('/ws/')),
    [],
  );
});

/** A page of another origin with the SDK and a list of the events that it received. */
function pageServer(code: string): Server {
  const page = `<!doctype html><title>page</title><script type="module">
    import { connect } from '/sdk.js';
    window.start = async (url, token) => {
      const bus = await connect({ url, token, backoff: { firstMs: 10, longestMs: 50 } });
      window.seen = [];
      window.states = [];
      bus.watchStatus((status) => window.states.push(status.state));
      const subscription = bus.subscribe({ kinds: ['task'] });
      (async () => {
        for await (const update of subscription.updates()) {
          window.seen.push(update.type === 'event' ? update.event.event_type + ' ' + update.event.id : update.type);
        }
      })();
    };
  </script>`;
  return createServer((request, response) => {
    const isScript = request.url === '/sdk.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? code : page);
  });
}

const seenBy = (page: Page): Promise<string[]> => page.evaluate(() => (window as unknown as { seen: string[] }).seen);

t.test('a page loses its network and comes back without a gap', { skip: noChromium }, async (t) => {
  const pages = pageServer((await bundle()).code);
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${String((pages.address() as AddressInfo).port)}`;
  const proxyPort = await freePort();
  const repository = new ServedRepository({
    allowOrigins: [origin],
    allowHosts: [`127.0.0.1:${String(proxyPort)}`],
  });
  const { url, token } = await repository.start();
  const proxy = new CuttableProxy(Number(new URL(url).port), proxyPort);
  await proxy.start();
  const chromium = await startChromium();
  t.teardown(async () => {
    await chromium.stop();
    await proxy.stop();
    pages.close();
    await repository.stop();
  });

  repository.rename('task', 'before', { title: 'stands' });
  const page = await chromium.context.newPage();
  await page.goto(origin);
  await page.evaluate(
    ([to, secret]) => (window as unknown as { start(url: string, token: string): Promise<void> }).start(to, secret),
    [`ws://127.0.0.1:${String(proxyPort)}`, token] as const,
  );
  await untilSeen(page, 'synced');

  proxy.cut();
  await page.waitForFunction(() => (window as unknown as { states: string[] }).states.includes('connecting'));
  repository.rename('task', 'meanwhile', { title: 'while it was away' });
  repository.remove('task', 'before');
  proxy.mend();
  repository.rename('task', 'after', { title: 'later' });
  await untilSeen(page, 'added after');

  const events = (await seenBy(page)).filter((line) => line !== 'synced');
  t.same([...events].sort(), ['added after', 'added meanwhile', 'removed before', 'snapshot before']);
  t.equal(events[0], 'snapshot before');
});

async function untilSeen(page: Page, line: string): Promise<void> {
  await page.waitForFunction((wanted) => (window as unknown as { seen?: string[] }).seen?.includes(wanted), line, {
    timeout: 15_000,
  });
}
