/**
 * An agent's loop: wait until nobody holds a symbol, reserve it, look again, edit, release.
 *
 *     npx tsx examples/agent.ts REPOSITORY RUN ADDRESS FILE
 *
 * The edit here adds a line to a file of the repository. Where two agents reserve at the same moment, both see the other when they look
 * again, and both step back: a reservation takes no lock.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'muse-bus-client';

const [root, run, address, file] = process.argv.slice(2) as [string, string, string, string];
const LEASE_MS = 600_000;
const WAIT_MS = 60_000;

/** Writes a record as Muse does: under another name first, so that nobody reads half of it. */
async function write(directory: string, id: string, record: object): Promise<void> {
  const place = join(root, '.muse', 'coordination', directory);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, `.${id}.tmp`), JSON.stringify(record));
  await rename(join(place, `.${id}.tmp`), join(place, `${id}.json`));
}

async function reserve(): Promise<string> {
  const id = randomUUID();
  const now = Date.now();
  await write('reservations', id, {
    reservation_id: id,
    run_id: run,
    branch: 'main',
    addresses: [address],
    created_at: new Date(now).toISOString(),
    expires_at: new Date(now + LEASE_MS).toISOString(),
  });
  return id;
}

const release = (id: string): Promise<void> =>
  write('releases', id, { reservation_id: id, run_id: run, released_at: new Date().toISOString() });

async function edit(): Promise<void> {
  const path = join(root, file);
  const text = await readFile(path, 'utf8');
  await writeFile(path, `${text}${run}\n`);
}

const bus = await connect({ root, name: run });
const mirror = await bus.mirror({ kinds: ['reservation'] });
for (let attempt = 1; ; attempt++) {
  await mirror.whenFree(address, { branch: 'main', signal: AbortSignal.timeout(WAIT_MS) });
  const id = await reserve();
  // From what is on disk now: a view of a moment ago cannot show who reserved meanwhile.
  const others = (await bus.holders(address, { branch: 'main' })).filter((holder) => holder.run_id !== run);
  try {
    if (others.length === 0) {
      await edit();
      console.log(`${run} edited in attempt ${String(attempt)}`);
      break;
    }
  } finally {
    await release(id);
  }
  await pause(Math.random() * 200 * attempt);
}
await bus.close();
