/**
 * The smoke test, in plain JavaScript against dist/, for each Node in .ci/node-matrix, and Bun: a server, the SDK, a change, the journal over a
 * restart, the command line. Prints one line; exits with 1 if a step fails.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath, URL } from 'node:url';
import { promisify } from 'node:util';
import '../support/user-directories.mjs';

const dist = new URL('../../dist/', import.meta.url);
const { BusServer } = await import(new URL('server/index.js', dist));
const { connect } = await import(new URL('client/sdk/index.js', dist));
const command = fileURLToPath(new URL('client/cli/main.cjs', dist));

const { bun, node } = process.versions;
const runtime = `${bun === undefined ? `Node ${node}` : `Bun ${bun}`} on ${process.platform} ${process.arch}`;
/** An emulated processor is many times slower. */
const TIMEOUT_MS = Number(process.env['MUSE_TEST_SMOKE_MS'] ?? 60_000);
const root = mkdtempSync(join(tmpdir(), 'muse-bus-smoke-'));
const tasks = join(root, '.muse', 'coordination', 'tasks');
const giveUp = setTimeout(() => {
  console.error(`smoke: not finished within ${String(TIMEOUT_MS / 1_000)} s`);
  process.exit(1);
}, TIMEOUT_MS);

const write = (id) => writeFileSync(join(tasks, `${id}.json`), JSON.stringify({ title: id }));

/** Reads the next event, and leaves the reader open. */
async function next(reader) {
  const { value, done } = await reader.next();
  assert.ok(!done);
  return value;
}

try {
  mkdirSync(tasks, { recursive: true });
  write('standing');
  const server = new BusServer({ root, port: 0 });
  await server.start();
  const engine = server.transportName;
  const bus = await connect({ root });
  const reader = bus.subscribe({ kinds: ['task'] })[Symbol.asyncIterator]();
  const standing = await next(reader);
  assert.deepEqual([standing.event_type, standing.id], ['snapshot', 'standing']);
  write('written');
  const added = await next(reader);
  assert.deepEqual([added.event_type, added.data.title], ['added', 'written']);

  const watching = [command, 'watch', '--once', '--json', '--root', root];
  const { stdout } = await promisify(execFile)(process.execPath, watching);
  const ids = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  assert.deepEqual(ids, ['standing', 'written']);
  // What Node has compiled of the command is kept for the next one, where Node can.
  if (bun === undefined && Module.enableCompileCache !== undefined)
    assert.ok(existsSync(join(dirname(command), 'compiled')));

  await server.stop();
  write('meanwhile');
  const successor = new BusServer({ root, port: 0 });
  await successor.start();
  const missed = await next(reader);
  assert.equal(missed.id, 'meanwhile');
  const journal = missed.event_type === 'added' ? successor.bus.journalHealth : 'no resume';
  assert.equal(journal, 'durable');
  const { backend } = bus.server;
  await bus.close();
  await successor.stop();
  console.log(`smoke: ${runtime}, engine ${engine}, ${backend}, journal ${journal}: passed`);
} catch (error) {
  console.error(`smoke: ${runtime}: failed`, error);
  process.exitCode = 1;
} finally {
  clearTimeout(giveUp);
  rmSync(root, { recursive: true, force: true });
}
