import t from 'tap';
import { epoch, packMessage, revision, unpackMessage } from '../../../protocol/index.js';
import { readAlive, readSilent } from '../../../server/relay/alive-message.js';
import { decodeRelayMessage, decodeStored, RelayFormatError } from '../../../server/relay/read-relay-message.js';
import { encodeEventMessage, encodeMark, encodeStandingMessage } from '../../../server/relay/relay-message.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { absent, NOW, present } from '../../support/changes.js';

const STAMP = { origin: 'o', epoch: epoch('e'), position: revision(9) };

/** Returns one message of each type, as an origin writes it. */
function honest(): Uint8Array[] {
  const store = new RecordStore();
  const data = { run_id: 'r', constructor: 1, toJSON: 1, expires_at: '2026-03-30T15:00:01Z' };
  const events = [
    ...store.apply(present('reservation', 'x', data), NOW),
    ...store.apply(present('reservation', 'x', { ...data, n: 1 }), NOW),
    ...store.expireUntil((NOW + 2_000) as typeof NOW),
  ];
  const standing = encodeStandingMessage(STAMP, store.get('reservation', 'x')!);
  events.push(...store.apply(absent('reservation', 'x'), NOW));
  return [
    ...events.map((event) => encodeEventMessage(STAMP, event)),
    standing,
    encodeMark(STAMP, { is: 'base', phase: 'begin', why: 'it is new' }),
    encodeMark(STAMP, { is: 'base', phase: 'end', from: 4, records: 1 }),
    encodeMark(STAMP, { is: 'claim', host: 'h', pid: 7, root: '/r', since: NOW }),
    encodeMark(STAMP, { is: 'skip', after: revision(1) }),
  ];
}

t.test(
  'every message of an origin can be read: added, modified, expired, removed, standing, marks, claims and skips',
  async (t) => {
    const kinds = honest().map((bytes) => {
      const message = decodeRelayMessage(bytes);
      return message.is === 'event' ? message.type : message.is;
    });
    t.same(kinds, ['added', 'modified', 'expired', 'removed', 'standing', 'base', 'base', 'claim', 'skip']);
  },
);

const FOREIGN: readonly unknown[] = [null, -1, 1.5, NaN, 2 ** 60, 'x', '', [], {}, true, [[]], new Uint8Array(2)];

t.test('a message with one changed field is read as such or refused, and nothing throws later', async (t) => {
  let refused = 0;
  for (const bytes of honest()) {
    const fields = unpackMessage(bytes) as unknown[];
    for (let at = 0; at < fields.length; at++) {
      for (const foreign of FOREIGN) {
        try {
          const message = decodeRelayMessage(packMessage(fields.with(at, foreign)));
          if (message.is === 'event') JSON.stringify([message.after?.data, message.before?.data, message.time]);
        } catch (error) {
          if (!(error instanceof RelayFormatError)) throw error;
          refused++;
        }
      }
    }
  }
  t.ok(refused > 500, `${String(refused)} are refused`);
});

t.test(
  'data that no origin packs is refused: no map, extensions, invalid keys, __proto__, bytes after the end',
  async (t) => {
    const [added] = honest();
    const fields = unpackMessage(added!) as unknown[];
    const version = fields[11] as unknown[];
    for (const [what, data] of [
      ['an array', [0x90]],
      ['nothing', []],
      ['an extension', [0x81, 0xa1, 0x61, 0xd4, 0, 0]],
      ['binary', [0x81, 0xa1, 0x61, 0xc4, 0]],
      ['a key that is a number', [0x81, 1, 1]],
      ['__proto__', [0x81, 0xa9, ...Buffer.from('__proto__'), 0x80]],
      ['bytes behind it', [0x80, 0]],
      ['a length beyond the end', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ] as const) {
      t.throws(
        () => decodeRelayMessage(packMessage(fields.with(11, [...version.slice(0, 3), Uint8Array.from(data)]))),
        { name: 'RelayFormatError' },
        what,
      );
    }
  },
);

t.test('a message is read only under its own subject, and a base that begins after its end is none', async (t) => {
  const names = new RelayNames('shop');
  const subjects = [names.record(0, 'x'), names.base, names.claim, names.skip];
  for (const data of honest()) {
    const readable = subjects.filter((subject) => isRead({ subject, sequence: 4, data }, names));
    t.equal(readable.length, 1, decodeRelayMessage(data).is);
  }
  const data = encodeMark(STAMP, { is: 'base', phase: 'end', from: 5, records: 0 });
  t.notOk(isRead({ subject: names.base, sequence: 4, data }, names));
});

function isRead(...given: Parameters<typeof decodeStored>): boolean {
  try {
    decodeStored(...given);
    return true;
  } catch {
    return false;
  }
}

t.test('only a complete heartbeat counts as one', async (t) => {
  const health = { backend: 'inotify', healthy: true, last_scan_ms: 5 };
  const alive = { origin: 'o', epoch: 'e', revision: 7, now: NOW, alive_ms: 1_000, health };
  t.same(readAlive(alive), alive);
  for (const name of Object.keys(alive)) {
    for (const foreign of FOREIGN) {
      if (foreign === 'x' || foreign === '') continue;
      t.equal(readAlive({ ...alive, [name]: foreign }) ?? 'none', 'none', `${name}: ${String(foreign)}`);
    }
  }
  for (const foreign of FOREIGN) t.equal(readAlive(foreign), undefined);
});

t.test('what an origin says while it publishes nothing is no heartbeat, and no text of any length', async (t) => {
  const silent = { origin: 'o', silent: 'the stream is sealed' };
  t.equal(readSilent(silent), 'the stream is sealed');
  t.equal(readAlive(silent), undefined);
  t.equal(readSilent({ ...silent, silent: 'x'.repeat(100_000) })?.length, 200);
  for (const foreign of FOREIGN) t.equal(readSilent(foreign), undefined);
});
