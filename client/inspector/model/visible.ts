import { visibleText } from '../../../protocol/index.js';

/**
 * Returns a text from a record for one line. Invisible characters are escaped, and a long text is cut.
 * @param max the most characters to show, escapes included.
 */
export function visible(text: string, max = 200): string {
  // Cut before escaping, so that ten thousand characters are not escaped to show two hundred.
  const shown = escaped(text.length > max + MAX_CLUSTER ? wholeStart(text, max + MAX_CLUSTER) : text);
  return shown.length <= max ? shown : `${wholeStart(shown, Math.max(1, max - 1))}…`;
}

/** Like {@link visible}, but cuts the middle, because both ends of an id or path are useful. */
export function visibleMiddle(text: string, max: number): string {
  if (text.length <= max) return visible(text, max * 10);
  const tail = Math.floor((max - 1) / 3);
  return `${visible(wholeStart(text, max - 1 - tail), max)}…${visible(wholeEnd(text, tail), max)}`;
}

/** Escapes what cannot be seen, except inside an emoji. */
function escaped(text: string): string {
  if (!text.includes('\u200d') && !text.includes('\ufe0f')) return visibleText(text);
  const parts = text.split(JOINED_EMOJI);
  return parts.map((part, i) => (i % 2 === 1 ? part : visibleText(part))).join('');
}

/** One picture, or several that joiners make one: nothing can hide in it. */
const JOINED_EMOJI =
  /(\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}]?\ufe0f?(?:\u200d\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}]?\ufe0f?){0,8})/u;

/** The longest emoji, in code units, that is kept whole where a text is cut. */
const MAX_CLUSTER = 32;
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The beginning of a text, at most so long, without half a character at its end. */
export function wholeStart(text: string, most: number): string {
  if (text.length <= most) return text;
  const from = Math.max(0, most - MAX_CLUSTER);
  const around = text.slice(isLowSurrogate(text, from) ? from - 1 : from, most + MAX_CLUSTER);
  const begin = most + MAX_CLUSTER > text.length ? text.length - around.length : most + MAX_CLUSTER - around.length;
  let end = 0;
  for (const { index, segment } of segmenter.segment(around)) {
    // The first one is never cut, however little room there is.
    if (begin + index + segment.length > most && begin + index > 0) break;
    end = index + segment.length;
  }
  return text.slice(0, begin + end);
}

/** The end of a text, at most so long, without half a character at its beginning. */
function wholeEnd(text: string, most: number): string {
  const from = Math.max(0, text.length - most - MAX_CLUSTER);
  const around = text.slice(isLowSurrogate(text, from) ? from - 1 : from);
  for (const { index } of segmenter.segment(around)) {
    if (around.length - index <= most) return around.slice(index);
  }
  return '';
}

const isLowSurrogate = (text: string, at: number): boolean => /[\udc00-\udfff]/.test(text.charAt(at));
