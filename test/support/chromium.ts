import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The reason to skip tests with a browser; `false` where Chromium is installed. For tap's `skip`. */
export const noChromium: string | false = existsSync(PROGRAM) ? false : `${PROGRAM} is not installed`;

/** Starts a real browser with an empty profile. `extension` is the folder of an extension to load. */
export async function startChromium(
  flags: readonly string[] = [],
  extension?: string,
): Promise<{ readonly context: BrowserContext; readonly profile: string; stop(): Promise<void> }> {
  const loading =
    extension === undefined ? [] : [`--disable-extensions-except=${extension}`, `--load-extension=${extension}`];
  const profile = mkdtempSync(join(tmpdir(), 'muse-bus-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: PROGRAM,
    args: [...FLAGS, ...loading, ...flags],
    ...(extension === undefined ? {} : { ignoreDefaultArgs: ['--disable-extensions'] }),
  });
  // The loader of the tests wraps each named function in a call of this helper. A function that a test passes to the page needs it too.
  await context.addInitScript('globalThis.__name = (named) => named;');
  return {
    context,
    profile,
    stop: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
