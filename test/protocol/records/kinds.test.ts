import t from 'tap';
import { KIND_DIRECTORIES, kindFromName, kindIndex, KINDS } from '../../../protocol/index.js';

t.test('the number of a kind on the wire is its place in the canonical order', async (t) => {
  t.same(KINDS, ['reservation', 'intent', 'release', 'heartbeat', 'task', 'claim', 'dependency']);
  t.same(KINDS.map(kindIndex), [0, 1, 2, 3, 4, 5, 6]);
});

t.test('a kind is known in the singular and by its directory, and by nothing else', async (t) => {
  for (const kind of KINDS) {
    t.equal(kindFromName(kind), kind);
    t.equal(kindFromName(KIND_DIRECTORIES[kind]), kind);
  }
  t.equal(KIND_DIRECTORIES.dependency, 'dependencies');
  for (const name of ['', 'Task', 'tasks ', 'constructor', '__proto__']) t.equal(kindFromName(name), undefined, name);
});
