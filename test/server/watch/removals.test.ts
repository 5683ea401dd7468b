import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../../protocol/index.js';
import type { IdentityState } from '../../../server/repository/index.js';
import { FaultyFiles } from '../../support/faulty-files.js';
import { Removals } from '../../../server/watch/removals.js';
import { ManualClock } from '../../support/manual-clock.js';
import { turns } from '../../support/memory-ingest.js';
import { ToldWatcher } from '../../support/told-watcher.js';
import { WatchedRepository } from '../../support/watched-repository.js';

/** Notes the names of the directories that are looked at or probed. */
class NotingFiles extends FaultyFiles {
  #noted: string[] = [];

  override look(path: string) {
    this.#noted.push(basename(path));
    return super.look(path);
  }

  override probe(path: string): void {
    this.#noted.push('probe');
    super.probe(path);
  }

  /** @returns what was noted since the last call, without files. */
  taken(): string[] {
    return this.#noted.splice(0).filter((name) => !name.endsWith('.json'));
  }
}

/** A repository with some records of each kind. Its clock stands still, so that nothing is checked but because of a hint. */
async function watched(t: Test, records = 1) {
  const files = new NotingFiles();
  const watcher = new ToldWatcher();
  const identity: { state: IdentityState } = { state: 'same' };
  const parts = { files, watcher, clock: new ManualClock(), identity: { check: () => identity.state } };
  const repository = new WatchedRepository('native', {}, parts);
  t.teardown(() => {
    repository.stop();
  });
  for (const kind of KINDS)
    for (let i = 0; i < records; i++) repository.rename(kind, `own${String(i)}`, { run_id: 'own' });
  await repository.start();
  await turns();
  const hint = async (...kinds: Kind[]): Promise<string[]> => {
    files.taken();
    for (const kind of kinds) for (let i = 0; i < records; i++) watcher.sink.file(kind, `own${String(i)}.json`);
    await turns();
    return files.taken();
  };
  return { repository, files, identity, hint };
}

t.test('a removal depends on its own directory and those above, and nothing else is looked at', async (t) => {
  const { repository, hint } = await watched(t);
  repository.remove('task', 'own0');
  t.same(await hint('task'), ['.muse', 'coordination', 'tasks', 'probe']);
  t.same(repository.story, ['removed task/own0']);
});

t.test('many removals of several kinds in one turn are checked once, and what is above all of them once', async (t) => {
  const { repository, hint } = await watched(t, 50);
  for (const kind of ['task', 'claim'] as const)
    for (let i = 0; i < 50; i++) repository.remove(kind, `own${String(i)}`);
  t.same(await hint('task', 'claim'), ['.muse', 'coordination', 'tasks', 'claims', 'probe', 'probe']);
  t.equal(repository.story.filter((line) => line.startsWith('removed')).length, 100);
});

type World = Awaited<ReturnType<typeof watched>>;

/** What may have happened to a directory when a file in it is found missing, and how it is made good. */
const UNSEEN: Readonly<Record<string, (world: World) => () => void>> = {
  'its directory is a link': ({ repository }) => linked(repository.dir.of('task')),
  'coordination/ is a link': ({ repository }) => linked(repository.dir.coordination),
  '.muse is a link': ({ repository }) => linked(repository.dir.muse),
  'its directory is a file': ({ repository }) => {
    const back = movedAway(repository.dir.of('task'));
    writeFileSync(repository.dir.of('task'), '');
    return () => {
      rmSync(repository.dir.of('task'));
      back();
    };
  },
  'the repository is not there': ({ identity }) => unidentified(identity, 'missing'),
  'another repository is there': ({ identity }) => unidentified(identity, 'other'),
  'the repository cannot be looked at': ({ identity }) => unidentified(identity, 'unreadable'),
  'its directory cannot be listed': ({ files }) => files.fail('list', /tasks$/, 'EACCES'),
  'its directory cannot be looked at': ({ files }) => files.fail('look', /tasks$/, 'EIO'),
  'a directory above cannot be looked at': ({ files }) => files.fail('look', /coordination$/, 'ESTALE'),
};

function movedAway(path: string): () => void {
  const aside = `${path}-aside`;
  renameSync(path, aside);
  return () => {
    renameSync(aside, path);
  };
}

function linked(path: string): () => void {
  const back = movedAway(path);
  symlinkSync(`${path}-aside`, path);
  return () => {
    rmSync(path);
    back();
  };
}

function unidentified(identity: World['identity'], state: IdentityState): () => void {
  identity.state = state;
  return () => (identity.state = 'same');
}

for (const [what, happen] of Object.entries(UNSEEN)) {
  t.test(`a file is missing, and ${what}: nothing is known of its record, until the directory is seen`, async (t) => {
    const world = await watched(t);
    const { repository, hint } = world;
    repository.remove('task', 'own0');
    const makeGood = happen(world);
    await hint('task');
    t.same(repository.story, []);
    t.not(repository.watch.health.state, 'watching', 'and it is said');
    makeGood();
    await repository.watch.readNow(undefined);
    t.same(repository.story, ['removed task/own0']);
  });
}

t.test('a directory that was made anew is seen: what the old one held is removed', async (t) => {
  const { repository, hint } = await watched(t);
  rmSync(repository.dir.of('task'), { recursive: true });
  mkdirSync(join(repository.dir.coordination, KIND_DIRECTORIES.task));
  await hint('task');
  t.same(repository.story, ['removed task/own0']);
});

const A = { kind: 'task', id: 'a' } as const;
const B = { kind: 'claim', id: 'b' } as const;

t.test(
  'a missing file is gone when its directory was seen and all hints from before that have been read',
  async (t) => {
    const removals = new Removals();
    removals.note(A);
    removals.note(B);
    t.same([...removals.unasked], ['task', 'claim']);
    removals.arrived(1);
    t.same([...removals.take(Infinity)], [], 'no directory was seen yet');
    removals.asked('task', true);
    t.same([...removals.unasked], ['claim']);
    removals.note(A);
    t.same([...removals.unasked], ['claim'], 'missed once more, it is asked no further');
    t.same([...removals.take(Infinity)], [], 'hints of earlier changes may still arrive');
    removals.arrived(7, 'claim');
    t.same([...removals.take(Infinity)], []);
    removals.arrived(7, 'task');
    removals.arrived(9);
    t.same([...removals.take(7)], [], 'the seventh hint is not read');
    t.same([...removals.take(8)], [A]);
    t.same([...removals.take(8)], [], 'once');
    t.equal(removals.size, 1);
  },
);

t.test('what is missing in a directory that cannot be seen is forgotten, and so is what was found again', async (t) => {
  const removals = new Removals();
  removals.note(A);
  removals.note(B);
  removals.asked('task', false);
  t.same([...removals.unasked], ['claim']);
  removals.asked('claim', true);
  removals.note({ kind: 'claim', id: 'c' });
  removals.asked('claim', false);
  removals.arrived(1);
  t.same([...removals.take(2)], [B], 'what was missed before it could be seen');
  removals.note(A);
  removals.note(B);
  removals.drop('task');
  t.same([...removals.unasked], ['claim']);
  removals.forget('claim', 'b');
  t.equal(removals.size, 0);
  removals.note(A);
  removals.clear();
  t.equal(removals.size, 0);
});

t.test('a turn is wanted while a removal can be published in it', async (t) => {
  const removals = new Removals();
  const wants = () => [removals.wantTurn(false), removals.wantTurn(true)];
  removals.note(A);
  t.same(wants(), [false, false], 'it is asked for in the turn in which it is missed');
  removals.asked('task', true);
  t.same(wants(), [false, true]);
  removals.arrived(1);
  t.same(wants(), [true, true]);
});
