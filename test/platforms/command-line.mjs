/**
 * What the command line is for, on each emulated platform (emulated-node.mjs): a server, a watch that is told each change, a lease that its
 * heartbeat saves, a restart that its clients do not notice; and that of a host and a container one serves. Part of `npm run test:platform`,
 * against dist/: it takes some seconds a platform.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import '../support/user-directories.mjs';
import { PLATFORMS } from './emulated-node.mjs';

const command = fileURLToPath(new URL('../../dist/client/cli/main.cjs', import.meta.url));
const preload = fileURLToPath(new URL('emulated-node.mjs', import.meta.url));
/** A busy machine starts a process in seconds. What a change may take is shown with a clock that is turned (in-time.test.ts). */
const PATIENCE_MS = 60_000;
const LEASE_MS = 2_500;

async function until(what, isSo, more = () => '') {
  const from = performance.now();
  while (!isSo()) {
    if (performance.now() - from > PATIENCE_MS) throw new Error(`not within a minute: ${what}; ${more()}`);
    await sleep(10);
  }
}

class Machine {
  root = mkdtempSync(join(tmpdir(), 'muse-bus-platform-'));
  state = mkdtempSync(join(tmpdir(), 'muse-bus-platform-state-'));
  #running = new Set();

  constructor(platform) {
    this.env = { ...process.env, NODE_OPTIONS: '', MUSE_TEST_PLATFORM: platform, MUSE_BUS_STATE_DIR: this.state };
    for (const name of ['tasks', 'reservations', 'heartbeats']) mkdirSync(this.at(name), { recursive: true });
  }

  at(...names) {
    return join(this.root, '.muse', 'coordination', ...names);
  }

  put(path, data) {
    writeFileSync(`${this.at(path)}.tmp`, JSON.stringify(data));
    renameSync(`${this.at(path)}.tmp`, this.at(path));
  }

  /** @param under a program that runs another one, with its arguments. */
  startUnder(under, ...args) {
    const [program, ...all] = [...under, process.execPath, '--import', preload, command, ...args, '--root', this.root];
    const child = spawn(program, all, {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = { out: '', err: '', end: undefined, kill: (signal) => child.kill(signal), code: undefined };
    child.stdout.setEncoding('utf8').on('data', (text) => (started.out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (started.err += text));
    started.end = new Promise((resolve) => {
      child.on('close', (code) => {
        started.code = code;
        this.#running.delete(child);
        resolve();
      });
    });
    this.#running.add(child);
    return started;
  }

  start(...args) {
    return this.startUnder([], ...args);
  }

  async run(...args) {
    const started = this.start(...args);
    await started.end;
    return started.out + started.err;
  }

  async serve(under = []) {
    const server = this.startUnder(under, 'serve', '--port', '0');
    const said = () => server.out + server.err;
    await until('it serves', () => said().includes('Listening at') || server.code !== undefined, said);
    assert.equal(server.code, undefined, said());
    return server;
  }

  files(directory) {
    return readdirSync(directory, { recursive: true }).map(String);
  }

  token() {
    return this.files(this.state)
      .filter((name) => name.endsWith('token'))
      .map((name) => readFileSync(join(this.state, name), 'utf8'));
  }

  async dispose() {
    for (const child of this.#running) child.kill('SIGKILL');
    while (this.#running.size > 0) await sleep(10);
    for (const directory of [this.root, this.state]) rmSync(directory, { recursive: true, force: true });
  }
}

async function mainJob(machine, { names }) {
  machine.put('tasks/standing.json', {});
  const server = await machine.serve();
  const watch = machine.start('watch', '--json');
  const events = () =>
    watch.out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter(({ event_type }) => event_type !== undefined)
      .map(({ event_type, id }) => `${event_type} ${id}`);
  const told = (line) =>
    until(
      line,
      () => events().includes(line),
      () => events().join(', ') + watch.err + server.err,
    );
  await told('snapshot standing');
  machine.put('tasks/t1.json', { n: 1 });
  await told('added t1');
  writeFileSync(machine.at('tasks/t1.json'), JSON.stringify({ n: 2, in: 'place' }));
  await told('modified t1');
  if (names === 'folded') {
    renameSync(machine.at('tasks/t1.json'), machine.at('tasks/T1.json'));
    await told('removed t1');
    machine.put('tasks/caf\u00e9.json', {});
    await told('added caf\u00e9');
    renameSync(machine.at('tasks/caf\u00e9.json'), machine.at('tasks/cafe\u0301.json'));
    await told('removed caf\u00e9');
    assert.deepEqual(events().slice(-4), ['removed t1', 'added caf\u00e9', 'added cafe\u0301', 'removed caf\u00e9']);
  }
  const endsAt = Date.now() + LEASE_MS;
  const expires_at = new Date(endsAt).toISOString();
  const reservation = { reservation_id: 'r1', run_id: 'agent', branch: 'main', addresses: ['file:a'], expires_at };
  machine.put('reservations/r1.json', reservation);
  machine.put('reservations/r2.json', { ...reservation, reservation_id: 'r2', addresses: ['file:b'] });
  await sleep(endsAt - Date.now() - 100);
  const later = new Date(Date.now() + 10 * PATIENCE_MS).toISOString();
  machine.put('heartbeats/h1.json', { reservation_id: 'r1', extended_expires_at: later });
  const isInTime = Date.now() < endsAt;
  await told('expired r2');
  await told('added h1');
  if (isInTime) assert.ok(!events().includes('expired r1'), 'the heartbeat that was there saves the lease');
  else console.log('    (this machine was too busy to write the heartbeat in time)');
  rmSync(machine.at('reservations/r2.json'));
  await told('removed r2');
  if (isInTime) assert.match(await machine.run('holders', 'file:a'), /agent/);
  assert.match(await machine.run('doctor'), /watching/);

  const tokens = machine.token();
  server.kill('SIGTERM');
  await server.end;
  machine.put('tasks/meanwhile.json', {});
  const past = events().length;
  const next = await machine.serve();
  await until(
    'the watch goes on',
    () => events().length > past,
    () => watch.err + next.err,
  );
  assert.deepEqual(events().slice(past), ['added meanwhile'], 'a restart tells what has changed, and nothing else');
  assert.deepEqual(machine.token(), tokens, 'and the token is the same');
  assert.equal(tokens.length, 1);
  for (const { out, err } of [server, next]) assert.doesNotMatch(out + err, /"level":50|damaged/);
  watch.kill('SIGTERM');
  next.kill('SIGTERM');
  await Promise.all([watch.end, next.end]);
  for (const directory of [machine.root, machine.state])
    assert.deepEqual(
      machine.files(directory).filter((name) => name.endsWith('.tmp')),
      [],
      'no temporary file is left',
    );
}

/** Runs a program with processes and a network of its own, as a container on the same kernel. */
const APART = ['unshare', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Of a host and a container that share a repository, one serves it, and after its end the other. */
async function oneOwner(machine, [first, second]) {
  machine.put('tasks/t1.json', {});
  const server = await machine.serve(first);
  const endpoint = () => readFileSync(join(machine.root, '.muse/bus/endpoint.json'), 'utf8');
  const published = endpoint();
  const refused = machine.startUnder(second, 'serve', '--port', '0');
  await refused.end;
  assert.equal(refused.code, 1);
  assert.match(refused.err, /served already by process \d+/);
  assert.equal(endpoint(), published, 'nothing of the first is replaced');
  // The pid is of another process here, or of none: its token goes to nobody.
  const asked = machine.startUnder(second, 'get', 'task', 't1');
  await asked.end;
  assert.doesNotMatch(asked.out + asked.err, /"level":50/);
  server.kill('SIGKILL');
  await server.end;
  const next = await machine.serve(second);
  assert.doesNotMatch(next.out + next.err, /new epoch|damaged|silent/);
  next.kill('SIGTERM');
  await next.end;
}

const chosen = process.argv.slice(2);
const jobs = Object.entries(PLATFORMS).map(([name, platform]) => [name, (machine) => mainJob(machine, platform)]);
if (spawnSync(APART[0], [...APART.slice(1), 'true']).status === 0) {
  jobs.push(['a host, then a container', (machine) => oneOwner(machine, [[], APART])]);
  jobs.push(['a container, then its host', (machine) => oneOwner(machine, [APART, []])]);
} else console.log('# skip a host and a container: this user may not make namespaces of processes and networks');
let failed = 0;
if (process.platform !== 'linux') console.log('# skip the emulated platforms: they are emulated over inotify');
else
  for (const [name, job] of jobs) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const machine = new Machine(name);
    const from = performance.now();
    try {
      await job(machine);
      console.log(`ok: the command line on ${name}, ${String(Math.round(performance.now() - from))} ms`);
    } catch (error) {
      failed++;
      console.error(`not ok: the command line on ${name}`, error);
    } finally {
      await machine.dispose();
    }
  }
process.exitCode = failed === 0 ? 0 : 1;
