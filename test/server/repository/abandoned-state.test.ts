import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BusServer } from '../../../server/index.js';
import { abandonedStates, KEEP_ABANDONED_MS, stateLocation } from '../../../server/repository/index.js';
import { Command } from '../../support/command.js';

interface Place {
  readonly parent: string;
  readonly stateDir: string;
}

function place(t: Test): Place {
  const parent = mkdtempSync(join(tmpdir(), 'muse-bus-abandoned-'));
  t.teardown(() => {
    rmSync(parent, { recursive: true, force: true });
  });
  return { parent, stateDir: join(parent, 'state') };
}

/** Serves a repository once. @returns the path of its private state */
async function served({ parent, stateDir }: Place, name: string): Promise<string> {
  const root = join(parent, name);
  mkdirSync(join(root, '.muse'), { recursive: true });
  const server = new BusServer({ root, stateDir, port: 0 });
  await server.start();
  await server.stop();
  return stateLocation(root, stateDir).path;
}

function age(state: string, ms: number): void {
  const at = new Date(Date.now() - ms);
  for (const name of [...readdirSync(state, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(state, name), at, at);
}

t.test('the next start removes the state of a repository that was removed long ago, and no other', async (t) => {
  const at = place(t);
  const states = new Map<string, string>();
  for (const name of ['gone', 'lately', 'standing', 'unmounted']) states.set(name, await served(at, name));
  for (const name of ['gone', 'lately', 'unmounted']) rmSync(join(at.parent, name), { recursive: true });
  // As if the repository were on a file system that is not mounted now.
  const file = join(states.get('unmounted')!, 'repository.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), device: '1' }), {
    mode: 0o600,
  });
  for (const [name, path] of states) age(path, name === 'lately' ? 3_600_000 : KEEP_ABANDONED_MS + 1_000);

  const all = stateLocation(join(at.parent, 'standing'), at.stateDir).all;
  t.same(
    abandonedStates(all)
      .map(({ repository }) => repository)
      .sort(),
    [join(at.parent, 'gone'), join(at.parent, 'lately')],
  );
  await served(at, 'another');
  t.same(
    [...states].filter(([, path]) => existsSync(path)).map(([name]) => name),
    ['lately', 'standing', 'unmounted'],
  );
});

t.test('doctor names state whose repository was removed, and what to do', async (t) => {
  const at = place(t);
  const state = await served(at, 'gone');
  await served(at, 'standing');
  rmSync(join(at.parent, 'gone'), { recursive: true });
  const env = { MUSE_BUS_STATE_DIR: at.stateDir };
  const doctor = Command.museBus(['doctor', '--json', '--root', join(at.parent, 'standing')], { env });
  await doctor.exit;
  const found = doctor.json<{ check: string }>().filter(({ check }) => check === 'abandoned');
  t.match(found, [
    {
      state: 'note',
      found: new RegExp(`${state} is the private state of .*gone`),
      advice: `serve removes it after 30 days; to remove it now: rm -r ${state}`,
    },
  ]);
  t.equal(found.length, 1);
});
