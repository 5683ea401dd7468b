import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { noChromium, startChromium } from '../../../support/chromium.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';

type Outcome = 'opened' | 'refused';

/** What a page has tried, with the results. */
interface Attempts {
  readonly socket: Outcome;
  readonly records: Outcome;
  readonly health: Outcome;
  readonly script: Outcome;
}

const REFUSED: Attempts = { socket: 'refused', records: 'refused', health: 'refused', script: 'refused' };

/** Runs in the page. The worst case: the page knows the token. */
async function attempt({ authority, token }: { authority: string; token: string }): Promise<Attempts> {
  const outcome = (way: Promise<boolean>): Promise<Outcome> =>
    way.then(
      (opened) => (opened ? 'opened' : 'refused'),
      () => 'refused',
    );
  const socket = new Promise<boolean>((resolve) => {
    const bearer = `muse-bus.bearer.${btoa(token).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')}`;
    const opening = new WebSocket(`ws://${authority}`, ['muse-bus.v1.json', bearer]);
    opening.onmessage = () => {
      resolve(true);
    };
    opening.onclose = () => {
      resolve(false);
    };
  });
  const fetched = async (path: string, headers: Record<string, string>): Promise<boolean> => {
    const answer = await fetch(`http://${authority}${path}`, { headers });
    await answer.text();
    return answer.ok;
  };
  const script = new Promise<boolean>((resolve) => {
    const element = document.createElement('script');
    element.onload = () => {
      resolve(true);
    };
    element.onerror = () => {
      resolve(false);
    };
    element.src = `http://${authority}/healthz`;
    document.head.append(element);
  });
  return {
    socket: await outcome(socket),
    records: await outcome(fetched('/records', { authorization: `Bearer ${token}` })),
    health: await outcome(fetched('/healthz', {})),
    script: await outcome(script),
  };
}

/** A page of another origin. */
async function servePage(t: Test): Promise<number> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

for (const transport of TRANSPORTS) {
  t.test(`${transport}: a page in a real browser`, { skip: noChromium }, async (t) => {
    const pagePort = await servePage(t);
    const origin = `http://tools.example:${String(pagePort)}`;
    const open = await serve(t, { transport, allowOrigins: [origin] });
    const shut = await serve(t, { transport });
    const browser = await startChromium(['--host-resolver-rules=MAP *.example 127.0.0.1']);
    t.teardown(() => browser.stop());
    const at = async (url: string): Promise<Page> => {
      const page = await browser.context.newPage();
      await page.goto(url);
      return page;
    };
    const tries = (page: Page, authority: string, token: string): Promise<Attempts> =>
      page.evaluate(attempt, { authority, token });

    for (const page of [origin, `http://localhost:${String(pagePort)}`, `http://127.0.0.1:${String(pagePort)}`]) {
      t.test(`of another origin, ${new URL(page).hostname}, opens nothing, not even with the token`, async (t) => {
        t.same(await tries(await at(page), `127.0.0.1:${String(shut.port)}`, shut.token), REFUSED);
        t.equal(shut.server.bus.connectionCount, 0, 'no session has begun');
      });
    }

    t.test('that reaches the bus through a rebound name opens nothing', async (t) => {
      const rebound = `rebound.example:${String(shut.port)}`;
      const page = await browser.context.newPage();
      const answer = await page.goto(`http://${rebound}/`);
      t.equal(answer?.status(), 403, 'of its own origin, by the name that was rebound');
      t.same(await tries(page, rebound, shut.token), REFUSED);
      t.same(await tries(await at(origin), rebound, shut.token), REFUSED, 'and from another origin');
    });

    t.test('of an origin that the operator has named succeeds with the same attempts', async (t) => {
      const outcome = await tries(await at(origin), `127.0.0.1:${String(open.port)}`, open.token);
      // A script request has no Origin, and is refused.
      t.same(outcome, { socket: 'opened', records: 'opened', health: 'opened', script: 'refused' });
      const wrong = await tries(await at(origin), `127.0.0.1:${String(open.port)}`, 'A'.repeat(43));
      t.match(wrong, { socket: 'refused', records: 'refused' }, 'but not without the token');
    });
  });
}
