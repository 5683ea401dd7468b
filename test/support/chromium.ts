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

/** Why there can be no browser here; `false` where there can, as tap's `skip` wants it. */
export const noChromium: string | false = existsSync(PROGRAM) ? false : `${PROGRAM} is not installed`;

/** A real browser with an empty profile; `extension` is the folder of one that it loads. */
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
  // The loader of the tests gives each function its name by this helper, which a page that is handed such a function has not.
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
