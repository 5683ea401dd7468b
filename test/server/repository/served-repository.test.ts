import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bootId, parseEndpoint, type ServedEndpoint } from '../../../server/repository/index.js';
import { endpointText, ownEndpoint } from '../../../server/repository/endpoint.js';
import { RepositoryIdentity } from '../../../server/repository/identity.js';
import { otherRepository, servedRepository } from '../../../server/repository/served-repository.js';

/** A directory for repositories; each with a marker, if one is given. */
function home(t: Test): (name: string, marker?: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'muse-bus-served-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  return (name, marker) => {
    const root = join(directory, name);
    mkdirSync(join(root, '.muse/bus'), { recursive: true });
    if (marker !== undefined) writeFileSync(join(root, '.muse/bus/id'), marker);
    return root;
  };
}

const servedAt = (root: string): ServedEndpoint => ({
  repository: servedRepository(root, RepositoryIdentity.of(root)!.record),
  boot_id: bootId(),
});

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);

t.test('another repository is one with another marker, or with another directory on the same machine', async (t) => {
  const make = home(t);
  const served = make('shop', A);
  const endpoint = servedAt(served);
  t.equal(otherRepository(endpoint, served), undefined);
  t.equal(otherRepository(endpoint, make('bakery', B)), served);
  t.equal(otherRepository(endpoint, make('new')), served, 'one that no server was started in');
  const copy = join(served, '../copy');
  cpSync(served, copy, { recursive: true });
  t.equal(otherRepository(endpoint, copy), served, 'a copy has the marker of its original');
  const moved = join(served, '../moved');
  renameSync(served, moved);
  t.equal(otherRepository(endpoint, moved), undefined, 'one that was moved is the same');
});

t.test('what may be the same in a container, or on another machine, is not said to be another', async (t) => {
  const make = home(t);
  const served = servedAt(make('shop', A));
  const elsewhere = { ...served, boot_id: 'another' };
  t.equal(otherRepository(elsewhere, make('mounted', A)), undefined);
  t.equal(otherRepository(elsewhere, make('unmarked')), undefined);
  t.ok(otherRepository(elsewhere, make('marked', B)));
  t.equal(otherRepository({ boot_id: bootId() }, make('of-an-edge')), undefined, 'an edge names none');
  t.equal(otherRepository(served, join(tmpdir(), 'muse-bus-nothing-here')), undefined);
});

t.test('an endpoint file names the repository; what is none there is passed over', async (t) => {
  const root = home(t)('shop', A);
  const { repository } = servedAt(root);
  const endpoint = ownEndpoint('ws://127.0.0.1:9', 'token', new Date(), repository);
  t.strictSame(parseEndpoint(endpointText(endpoint))?.repository, repository);
  for (const wrong of [null, 5, 'x', [], {}, { ...repository, path: 5 }, { ...repository, inode: 'x' }]) {
    const text = JSON.stringify({ ...endpoint, repository: wrong });
    t.match(parseEndpoint(text), { url: 'ws://127.0.0.1:9', repository: undefined }, JSON.stringify(wrong));
  }
  const long = servedRepository(`/${'x'.repeat(2_000)}`, RepositoryIdentity.of(root)!.record);
  t.equal(long, undefined, 'a path that would make the file longer than clients read');
});
