import type { JsonValue } from '../../../protocol/index.js';
import { charactersIn, UNTRUSTED } from '../mcp/answers.js';
import { answerText, cutValue, SHORT } from '../mcp/cut.js';
import { identityLine, type Identity } from './decision-text.js';
import type { DigestItem } from './digest.js';

/** The most that a digest costs. A character outside of ASCII may be a token of its own, so bytes are counted. */
const MAX_DIGEST_TOKENS = 400;
const MAX_BYTES = charactersIn(MAX_DIGEST_TOKENS);
const ITEM_CHARACTERS = 240;
const MAX_PARTIES = 3;

/** What the agent is told to do, in the order of importance. */
const ADVICE: Readonly<Record<DigestItem['is'], string>> = {
  'waited-for': 'Another run waits for what you have: release it as soon as you can.',
  ending: 'A lease of yours ends soon: extend or release it.',
  ended: 'A lease of yours has ended: reserve again before you edit.',
  changed: 'A file that you hold was changed, and not by a tool of this session: read it again before you edit it.',
  conflict: 'You and another run are in conflict: agree before you continue.',
  free: 'What you waited for is free: reserve it before you edit.',
};

export interface DigestText {
  readonly text: string;
  /** The items that are in the text. */
  readonly told: readonly DigestItem[];
}

/**
 * Returns the digest as text, with as many items as fit. It has only ids and addresses of records, below a line that labels them as
 * untrusted.
 */
export function digestText(items: readonly DigestItem[], identity: Identity, now: number): DigestText | undefined {
  let fitting: DigestText | undefined;
  for (let count = 1; count <= items.length; count++) {
    const told = items.slice(0, count);
    const text = textOf(told, items.length - count, identity, now);
    if (fitting !== undefined && Buffer.byteLength(text) > MAX_BYTES) break;
    fitting = { text, told };
  }
  return fitting;
}

function textOf(items: readonly DigestItem[], left: number, identity: Identity, now: number): string {
  const kinds = new Set(items.map(({ is }) => is));
  return [
    ['muse-bus:', ...[...kinds].map((kind) => ADVICE[kind])].join(' '),
    identityLine(identity),
    ...(left > 0 ? [`${String(left)} more follow at the next call.`] : []),
    `${UNTRUSTED}:`,
    ...items.map((item) => shownItem(item, now)),
  ].join('\n');
}

function shownItem(item: DigestItem, now: number): string {
  for (let room = ITEM_CHARACTERS; ; room = Math.floor(room / 2)) {
    const text = answerText(cutValue({ why: item.is, ...valueOf(item, now) }, SHORT, room).value);
    if (Buffer.byteLength(text) <= ITEM_CHARACTERS * 2 || room < 40) return text;
  }
}

function valueOf(item: DigestItem, now: number): Readonly<Record<string, JsonValue>> {
  switch (item.is) {
    case 'waited-for': {
      const { run_id, wanted, blocked_by } = item.wait;
      return { run_id, wanted, your_record: blocked_by };
    }
    case 'ending':
    case 'ended': {
      const { reservation, addresses, effective_expires_at: end } = item.lease;
      const left = end === null || item.is === 'ended' ? {} : { seconds_left: secondsTo(end, now) };
      return { reservation, ...left, until: end, addresses };
    }
    case 'changed':
      return { file: item.path };
    case 'conflict': {
      const { severity, address, parties } = item.conflict;
      return { severity, address, runs: parties.slice(0, MAX_PARTIES).map(({ run_id }) => run_id) };
    }
    case 'free':
      return { address: item.address };
  }
}

const secondsTo = (end: string, now: number): number => Math.max(0, Math.ceil((Date.parse(end) - now) / 1_000));
