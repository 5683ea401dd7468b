import { readFileSync } from 'node:fs';
import t from 'tap';
import type { Kind, Problem, RecordData } from '../../../protocol/index.js';
import { unixMillis } from '../../../protocol/brand.js';
import { pauseMs } from '../../../protocol/pause.js';
import { recordIdFault } from '../../../protocol/records/record-id.js';
import { parseTimestamp } from '../../../protocol/records/timestamp.js';
import {
  isoDate,
  leaseForm,
  overlap,
  parseAddress,
  parseQuery,
  Swarm,
  type Address,
  type AddressContext,
  type Lease,
  type Moment,
} from '../../../protocol/swarm/index.js';

/** What a test of a client in another language runs too: test/client/python/test_cases.py. */
interface Cases {
  readonly addresses: readonly {
    readonly spelling: string;
    readonly context?: AddressContext;
    readonly text?: string;
    readonly kind?: string;
    readonly problem?: string;
  }[];
  readonly queries: readonly {
    readonly spelling: string;
    readonly context?: AddressContext;
    readonly texts?: readonly string[];
    readonly problem?: string;
  }[];
  readonly overlaps: readonly { readonly a: string; readonly b: string; readonly overlap: boolean }[];
  readonly timestamps: readonly { readonly text: string; readonly ms: number | null; readonly iso: string | null }[];
  /** By how much two clocks have gone on between two looks, of which one for who stays awake is expected. */
  readonly pauses: readonly {
    readonly name: string;
    readonly wall: number;
    readonly elapsed: number;
    readonly expected: number;
    readonly pause: number;
  }[];
  readonly ids: readonly { readonly id: string; readonly fault: string | null }[];
  readonly leases: readonly {
    readonly name: string;
    readonly records: readonly {
      readonly kind: Kind;
      readonly id: string;
      readonly data: RecordData;
      readonly problem?: Problem;
    }[];
    readonly moment: { readonly now: number; readonly complete_until?: number; readonly unseen?: readonly Kind[] };
    readonly leases: Readonly<Record<string, object>>;
    readonly holders: readonly {
      readonly address: string;
      readonly branch?: string;
      readonly free: string;
      readonly holders: readonly string[];
    }[];
  }[];
}

const CASES = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8')) as Cases;

function addressOf(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.problem.text}`);
  return parsed.address;
}

t.test('addresses are read as the cases say', async (t) => {
  for (const { spelling, context, ...wanted } of CASES.addresses) {
    const parsed = parseAddress(spelling, context);
    const found = parsed.ok
      ? { text: parsed.address.text, kind: parsed.address.kind }
      : { problem: parsed.problem.problem };
    t.strictSame(found, wanted, JSON.stringify(spelling.slice(0, 80)));
  }
});

t.test('a text is the id of a record, or of none, as the cases say', async (t) => {
  for (const { id, fault } of CASES.ids) t.equal(recordIdFault(id, 256) ?? null, fault, JSON.stringify(id));
});

t.test('what is asked for is read as the cases say', async (t) => {
  for (const { spelling, context, ...wanted } of CASES.queries) {
    const parsed = parseQuery(spelling, context);
    const found = parsed.ok ? { texts: parsed.addresses.map(({ text }) => text) } : { problem: parsed.problem.problem };
    t.strictSame(found, wanted, spelling);
  }
});

t.test('addresses overlap as the cases say, in both directions', async (t) => {
  for (const { a, b, overlap: wanted } of CASES.overlaps) {
    const [one, other] = [addressOf(a), addressOf(b)];
    t.strictSame([overlap(one, other), overlap(other, one)], [wanted, wanted], `${a} and ${b}`);
  }
});

t.test('a sleep of the machine shows as the cases say', async (t) => {
  const before = { wall: 1_000, elapsed: 50 };
  for (const { name, wall, elapsed, expected, pause } of CASES.pauses)
    t.equal(pauseMs(before, { wall: before.wall + wall, elapsed: before.elapsed + elapsed }, expected), pause, name);
});

t.test('times are read and written as the cases say', async (t) => {
  for (const { text, ms, iso } of CASES.timestamps) {
    const found = parseTimestamp(text);
    t.strictSame([found ?? null, isoDate(found)], [ms, iso], JSON.stringify(text));
  }
});

t.test('leases are in the states that the cases say, and hold what they say', async (t) => {
  for (const { name, records, moment: at, leases, holders } of CASES.leases) {
    const swarm = new Swarm();
    for (const record of records) swarm.put(record);
    const moment: Moment = {
      now: unixMillis(at.now),
      ...(at.complete_until === undefined ? {} : { completeUntil: unixMillis(at.complete_until) }),
      ...(at.unseen === undefined ? {} : { unseen: new Set(at.unseen) }),
    };
    const says = Object.fromEntries(Object.keys(leases).map((id) => [id, shortForm(swarm.lease(id, moment)!)]));
    t.strictSame(says, leases, name);
    for (const { address, branch, ...wanted } of holders) {
      const asked = parseQuery(address);
      if (!asked.ok) throw new Error(`${address}: ${asked.problem.text}`);
      const { free, holders: found } = swarm.holders(asked.addresses, moment, { branch });
      t.strictSame({ free, holders: found.map(({ reservation }) => reservation) }, wanted, `${name}: ${address}`);
    }
  }
});

/** The form that every surface writes, without what each case says elsewhere. */
const shortForm = (lease: Lease): object =>
  Object.fromEntries(Object.entries(leaseForm(lease)).filter(([name]) => !/^(reservation|expires_at)$/.test(name)));
