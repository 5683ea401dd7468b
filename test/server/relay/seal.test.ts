import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { packMessage, unpackMessage } from '../../../protocol/index.js';
import { OriginSeal, SEAL_BYTES, SealCheck, type SealedMessage } from '../../../server/relay/seal.js';
import { PrivateDirectory } from '../../../server/repository/index.js';
import { relayKey } from '../../../server/repository/relay-key.js';

const SECRET = Buffer.alloc(32, 7).toString('base64url');
const SEAL = new OriginSeal(SECRET);
const OTHER = new OriginSeal(Buffer.alloc(32, 8).toString('base64url'));
const SUBJECT = 'muse.shop.task.a';

const elements = fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.uint8Array()), {
  minLength: 1,
  maxLength: 20,
});

t.test('a signed message is the same array with three more elements, and is believed at its place alone', async () => {
  const place = fc.integer({ min: 1, max: 2 ** 40 });
  fc.assert(
    fc.property(elements, place, place, (message, at, other) => {
      const packed = packMessage(message);
      const sealed = SEAL.seal(SUBJECT, at, packed);
      const read = unpackMessage(sealed) as unknown[];
      return (
        sealed.length <= packed.length + SEAL_BYTES &&
        Buffer.compare(packMessage(read.slice(0, -3)), packMessage(unpackMessage(packed))) === 0 &&
        read.at(-2) === at &&
        SEAL.check.isSealed(SUBJECT, at, sealed) &&
        (at === other || !SEAL.check.isSealed(SUBJECT, other, sealed)) &&
        !SEAL.check.isSealed('muse.shop.task.b', at, sealed) &&
        !OTHER.check.isSealed(SUBJECT, at, sealed)
      );
    }),
    { numRuns: 40 },
  );
});

t.test('a message with any changed byte is not believed, and nothing throws', async () => {
  const sealed = SEAL.seal(SUBJECT, 12, packMessage([1, 1, 'origin', 'E', 7, new Uint8Array([1, 2, 3])]));
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(sealed);
      changed[at]! ^= change;
      return !SEAL.check.isSealed(SUBJECT, 12, changed);
    }),
    { numRuns: 60 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !SEAL.check.isSealed(SUBJECT, 12, bytes)),
    { numRuns: 60 },
  );
});

/** Messages of a new origin, from a place on. */
function sealedFrom(first: number, count: number, origin = new OriginSeal(SECRET)): SealedMessage[] {
  return Array.from({ length: count }, (_, i) => {
    const subject = `muse.shop.task.${String(i % 3)}`;
    return { subject, sequence: first + i, data: origin.seal(subject, first + i, packMessage(['m', i])) };
  });
}

/** What is believed of messages, and how many signatures that took. */
function checked(messages: readonly SealedMessage[]): { readonly sealed: readonly boolean[]; readonly checks: number } {
  const check = new SealCheck([SEAL.publicKey]);
  return { sealed: check.areSealed(messages), checks: check.checks };
}

t.test('messages that follow each other take one signature, and one more for each gap', async (t) => {
  const all = sealedFrom(5, 100);
  t.same(checked(all), { sealed: all.map(() => true), checks: 1 });
  const some = all.filter(({ sequence }) => sequence !== 20 && sequence !== 50 && sequence !== 51);
  t.same(checked(some), { sealed: some.map(() => true), checks: 3 });
  t.same(checked([]), { sealed: [], checks: 0 });
});

t.test('a restarted origin, and one whose message was not stored, is believed by its signature', async (t) => {
  const origin = new OriginSeal(SECRET);
  const first = sealedFrom(1, 3, origin);
  // Another message took the place of the third, so it is sealed again.
  const again = sealedFrom(4, 3, origin);
  t.same(checked([...first.slice(0, 2), ...again, ...sealedFrom(7, 2)]).sealed, Array(7).fill(true));
});

t.test('of messages of which some were changed, exchanged or forged, exactly the others are believed', async () => {
  const forger = new OriginSeal(Buffer.alloc(32, 8).toString('base64url'));
  const all = sealedFrom(1, 12);
  const faults = fc.array(fc.tuple(fc.nat(11), fc.constantFrom('byte', 'subject', 'place', 'forged', 'other')), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(faults, fc.nat(), (list, byte) => {
      const messages = [...all];
      const isWrong = new Set<number>();
      for (const [i, fault] of list) {
        const message = messages[i]!;
        isWrong.add(i);
        const at = byte % message.data.length;
        if (fault === 'byte')
          messages[i] = { ...message, data: message.data.map((one, b) => (b === at ? one ^ 1 : one)) };
        else if (fault === 'subject') messages[i] = { ...message, subject: `${message.subject}x` };
        else if (fault === 'other') messages[i] = { ...message, data: all[(i + 3) % all.length]!.data };
        else if (fault === 'place') messages[i] = { ...message, data: sealedFrom(i + 2, 1)[0]!.data };
        else messages[i] = { ...message, data: forger.seal(message.subject, message.sequence, packMessage(['m', i])) };
      }
      // Two changes of one message may undo each other.
      const expected = messages.map((message, i) => !isWrong.has(i) || message === all[i]);
      const { sealed } = checked(messages);
      return sealed.every((is, i) => is === expected[i] || Buffer.compare(messages[i]!.data, all[i]!.data) === 0);
    }),
    { numRuns: 60 },
  );
});

t.test('while a key changes, both are believed', async (t) => {
  const both = new SealCheck([SEAL.publicKey, OTHER.publicKey]);
  for (const seal of [SEAL, OTHER]) t.ok(both.isSealed(SUBJECT, 3, seal.seal(SUBJECT, 3, packMessage([1]))));
});

t.test('a heartbeat is believed on its subject as it was sent', async (t) => {
  const sent = SEAL.sealJson('alive', { revision: 5, health: { why: 'ü' } });
  const read = JSON.parse(sent) as object;
  t.ok(SEAL.check.isSealedJson('alive', read));
  t.notOk(SEAL.check.isSealedJson('ask', read));
  t.notOk(SEAL.check.isSealedJson('alive', { ...read, revision: 6 }));
  t.notOk(SEAL.check.isSealedJson('alive', { revision: 5 }));
  t.notOk(OTHER.check.isSealedJson('alive', read));
});

t.test('what is no key is refused with where to find it', async (t) => {
  t.throws(() => new SealCheck(['x']), /"x" is no public key of an origin.*doctor at the origin/);
});

t.test('an origin keeps its key, and says why it has made another one', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'muse-relay-key-'));
  const directory = PrivateDirectory.within(parent, 'state');
  t.teardown(() => {
    directory.close();
    rmSync(parent, { recursive: true });
  });
  const said: string[] = [];
  const key = (): string => relayKey(directory, (why) => said.push(why));
  const first = key();
  t.equal(key(), first);
  t.same(said, [], 'the first one replaces none');
  const file = join(parent, 'state', 'relay.key');
  chmodSync(file, 0o644);
  const second = key();
  t.not(second, first);
  t.match(said, [/others may use it/]);
  writeFileSync(file, 'cut of');
  t.not(key(), second);
  t.match(said, [/others/, /holds no key/]);
});
