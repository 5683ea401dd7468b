/**
 * Records docs/screenshots/story.png, the moving picture in the README: the inspector's first view, while the story of the demo is played
 * without the other agents. Run it after a build: `npx tsx test/support/record-story.ts`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DemoStory } from '../../client/cli/demo/story.js';
import { DemoSwarm } from '../../client/cli/demo/swarm.js';
import { startChromium } from './chromium.js';
import { addressOf, openInspector } from './inspector-page.js';
import { movingPng, type Frame } from './moving-png.js';
import { ServedRepository } from './served-repository.js';

const PLACE = fileURLToPath(new URL('../../docs/screenshots/story.png', import.meta.url));
const SIZE = { width: 960, height: 430 };
/** The beats from the first lease to the end of the silent one. */
const BEATS = 8;
const MOST_BYTES = 300 * 1024;
/** How long after an act its picture is taken, and how long that is shown. */
const LOOK_AFTER_MS = 1_500;
const SHOWN_MS = 3_500;

const repository = new ServedRepository();
const story = new DemoStory(new DemoSwarm(repository.root, 1));
const { context, stop } = await startChromium();
try {
  const { page } = await openInspector(context, addressOf(await repository.start()));
  await page.setViewportSize(SIZE);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.evaluate(() => {
    const caption = Object.assign(document.createElement('div'), { id: 'caption' });
    caption.style.cssText =
      'position:fixed;inset:auto 0 0 0;padding:9px 16px;background:#1c2430;color:#fff;font:600 15px/1.3 system-ui;z-index:99';
    document.body.append(caption);
  });
  const frames: Frame[] = [];
  for (let i = 0; i < BEATS; i++) {
    const { caption, pauseMs } = story.play(Date.now());
    await page.evaluate((text) => (document.querySelector('#caption')!.textContent = text), caption);
    await page.waitForTimeout(LOOK_AFTER_MS);
    frames.push({ png: await page.screenshot(), shownMs: SHOWN_MS });
    await page.waitForTimeout(Math.max(0, pauseMs - LOOK_AFTER_MS));
  }
  const picture = movingPng(frames);
  if (picture.length > MOST_BYTES) throw new Error(`${String(picture.length)} bytes are too many`);
  writeFileSync(PLACE, picture);
  process.stdout.write(`${PLACE}: ${String(picture.length)} bytes\n`);
} finally {
  await stop();
  await repository.stop();
}
