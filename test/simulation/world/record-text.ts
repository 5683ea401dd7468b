import type { SeededRandom } from '../machine/seeded-random.js';

export type Data = Readonly<Record<string, unknown>>;

/** What a file means, however it is written: the judge goes by this, and not by how the product reads it. */
export interface Meaning {
  /** What the bus shows of the record; `undefined` if it does not read the file. */
  readonly shown: Data | undefined;
  /** What it says, in the plain form: who reads the file without bounds finds that. */
  readonly said: Data;
  /** Whether the bus shows a problem with what it has read. */
  readonly isFaulty: boolean;
  /** Whether it names an address whose place in the repository the bus does not know. */
  readonly isUnplaced: boolean;
}

/** A file's content, and what it means; `undefined` where it is in the plain form. */
export interface RecordText {
  readonly text: string;
  readonly meaning?: Meaning;
}

export function plainMeaning(data: Data): Meaning {
  return { shown: data, said: data, isFaulty: false, isUnplaced: false };
}

/** What keeps the bus from reading a valid file. */
export const UNREAD_FORMS = ['too large', 'too deep', 'unsafe key', 'link'] as const;
export type UnreadForm = (typeof UNREAD_FORMS)[number];

/** A record of more characters does not fit into a small message of NATS; one of half as many does. */
export const LONG = 4_000;
/** More than the bus reads of a file. */
const TOO_LARGE = 262_200;
/** Deeper than the bus reads. */
const TOO_DEEP = 40;

/** Writes a record so that the bus does not read it. A link leads to a file that says what the text says. */
export function unreadText(data: Data, form: UnreadForm): RecordText {
  const text = JSON.stringify(data);
  const meaning: Meaning = { shown: undefined, said: data, isFaulty: true, isUnplaced: false };
  const withMore = (more: string): RecordText => ({ text: `${text.slice(0, -1)},${more}}`, meaning });
  switch (form) {
    case 'too large':
      return withMore(`"detail":"${'x'.repeat(TOO_LARGE)}"`);
    case 'too deep':
      return withMore(`"detail":${'['.repeat(TOO_DEEP)}${']'.repeat(TOO_DEEP)}`);
    case 'unsafe key':
      return withMore('"__proto__":{"reservation_id":"another"}');
    case 'link':
      return { text, meaning };
  }
}

/** Fields that say when a lease ends. */
const END_FIELDS = ['expires_at', 'extended_expires_at'];
/** How many of the records of a careless writer have no time that says when their lease ends. */
const TIMELESS = 0.05;
const UNPLACED = 0.05;

/** Writes a record as agents do that know of no format: other forms of times and addresses, and what JSON has no place for. */
export function looseText(data: Data, root: string, random: SeededRandom): RecordText {
  let [shown, said, isFaulty, isUnplaced]: [Data, Data, boolean, boolean] = [data, data, false, false];
  for (const field of END_FIELDS) {
    const end = data[field];
    if (typeof end !== 'string') continue;
    if (random.chance(TIMELESS)) {
      const written = random.pick([null, 'soon', 1_774_882_800, '2026-02-30T15:00:00Z']);
      shown = { ...shown, [field]: written };
      said = { ...said, [field]: undefined };
      // A heartbeat without a time is only a sign of life.
      isFaulty ||= field === 'expires_at' || written !== null;
      continue;
    }
    const [written, ms] = looseTime(Date.parse(end), random);
    shown = { ...shown, [field]: written };
    said = { ...said, [field]: new Date(ms).toISOString() };
  }
  const addresses = data['addresses'] as readonly string[] | undefined;
  if (addresses?.length === 1) {
    isUnplaced = random.chance(UNPLACED);
    const [address] = addresses as [string];
    shown = { ...shown, addresses: isUnplaced ? [`${root}/${address}`] : looseAddresses(address, random) };
  }
  const [written, read] = random.pick(ADDITIONS);
  const text = `${JSON.stringify(shown).slice(0, -1)}${written}}`;
  return { text, meaning: { shown: { ...shown, ...read }, said, isFaulty, isUnplaced } };
}

/** What else is in the text, and how the bus shows it: what the wire cannot carry is replaced. */
const ADDITIONS: readonly (readonly [string, Data])[] = [
  ['', {}],
  ['', {}],
  [',"score":NaN', { score: null }],
  [',"scores":[1e999,-Infinity]', { scores: [null, null] }],
  [String.raw`,"note":"cut \ud83d"`, { note: 'cut \ufffd' }],
  [
    ',"constructor":1,"toJSON":1,"then":{"length":-1},"hasOwnProperty":0',
    { constructor: 1, toJSON: 1, then: { length: -1 }, hasOwnProperty: 0 },
  ],
];

/** @returns a time as it is written, and what that is in milliseconds. */
function looseTime(ms: number, random: SeededRandom): readonly [string, number] {
  const iso = new Date(ms).toISOString();
  const seconds = Math.floor(ms / 1_000) * 1_000;
  return random.pick<readonly [string, number]>([
    [iso.replace('Z', '+00:00'), ms],
    [iso.replace('Z', '000+00'), ms],
    [iso.replace('T', ' ').replace('Z', ' +00:00'), ms],
    [iso.replace('T', '_'), ms],
    [iso.replace('Z', ''), ms],
    [` ${iso} `, ms],
    [new Date(ms + 3_600_000).toISOString().replace('Z', '+01:00'), ms],
    [`${iso.slice(0, 19).replace(/[-:]/g, '')}Z`, seconds],
    [String(seconds / 1_000), seconds],
  ]);
}

function looseAddresses(address: string, random: SeededRandom): unknown {
  return random.pick<unknown>([
    address,
    [looseAddress(address, random)],
    [looseAddress(address, random)],
    looseAddress(address, random),
    { path: address },
    [{ file: address }],
    { [address]: 'modify' },
    `${address}, src/unrelated.ts`,
    `src/unrelated.ts\n${address}`,
    [['src/unrelated.ts'], [address]],
    JSON.stringify([address]),
  ]);
}

/** Spells one address otherwise, in a record or in a question. */
export function looseAddress(address: string, random: SeededRandom): string {
  const [path, symbol] = address.split('::') as [string, string | undefined];
  const spelled = (other: string): string => (symbol === undefined ? other : `${other}::${symbol}`);
  return random.pick([
    spelled(`./${path}`),
    spelled(path.replace('/', '//')),
    spelled(path.replace('/', '/../src/./').replace(/^docs\/\.\.\/src\/\.\//, 'docs/./')),
    ` ${address} `,
    `"${address}"`,
    `${address}:12`,
    symbol === undefined ? `${address}:12-20` : `${address}()`,
    spelled(path.replace('/', '\\')),
  ]);
}
