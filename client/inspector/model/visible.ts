/**
 * What must not reach the screen as it is: control characters, line breaks, marks that turn the direction of writing or have no
 * width, halves of surrogate pairs.
 */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const NAMES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text from a record, fit to be shown on one line: what cannot be seen is written out as an escape, what is long is cut.
 * @param max characters shown, escapes counted.
 */
export function visible(text: string, max = 200): string {
  // Cut before escaping: ten thousand characters are not escaped to show two hundred.
  const shown = text.slice(0, max + 1).replace(HIDDEN, escape);
  return shown.length <= max && text.length <= max ? shown : `${shown.slice(0, Math.max(1, max - 1))}…`;
}

/** As {@link visible}, but shortens in the middle: both ends of an id or path tell something. */
export function visibleMiddle(text: string, max: number): string {
  if (text.length <= max) return visible(text, max * 6);
  const tail = Math.floor((max - 1) / 3);
  return `${visible(text.slice(0, max - 1 - tail), max)}…${visible(text.slice(-tail), max)}`;
}

function escape(character: string): string {
  return NAMES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
