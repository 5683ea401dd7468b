import { visibleText } from '../../../protocol/index.js';

/**
 * Returns a text from a record for one line. Invisible characters are escaped, and a long text is cut.
 * @param max the most characters to show, escapes included.
 */
export function visible(text: string, max = 200): string {
  // Cut before escaping, so that ten thousand characters are not escaped to show two hundred.
  const shown = visibleText(text.slice(0, max + 1));
  return shown.length <= max && text.length <= max ? shown : `${shown.slice(0, Math.max(1, max - 1))}…`;
}

/** Like {@link visible}, but cuts the middle, because both ends of an id or path are useful. */
export function visibleMiddle(text: string, max: number): string {
  if (text.length <= max) return visible(text, max * 10);
  const tail = Math.floor((max - 1) / 3);
  return `${visible(text.slice(0, max - 1 - tail), max)}…${visible(text.slice(-tail), max)}`;
}
