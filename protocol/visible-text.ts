/**
 * What is not seen where it stands, by Unicode's own properties: controls, format characters (bidi controls and tags are among them),
 * halves of surrogate pairs, private use and what is not assigned (no font says what they look like), every space and separator but
 * U+0020, and what fonts leave out by rule (variation selectors, fillers). U+2800 is a symbol without a dot.
 */
const INVISIBLE = /(?=[^\x20-\x7e])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Escapes of ours are the only place where these three characters follow each other, so that no text can look like another. */
const LOOKS_ESCAPED = /\\(?=u\{)/g;
const ESCAPE = /\\u\{([0-9a-f]{1,6})\}/g;

/** Most texts are plain ASCII, and are known to be in a twentieth of the time. */
const NOT_PLAIN = /[^\x20-\x7e]/;

/**
 * A text as it may be shown on one line, in a terminal, a log, a page or to a model: what cannot be seen is written as `\u{200b}`, a
 * line break as `\u{a}`. Two texts that differ never look the same for what is invisible in them; {@link fromVisibleText} reads it back.
 */
export function visibleText(text: string): string {
  const unforged = text.includes('\\u{') ? text.replace(LOOKS_ESCAPED, escape) : text;
  return NOT_PLAIN.test(unforged) ? unforged.replace(INVISIBLE, escape) : unforged;
}

/** The text that {@link visibleText} shows like this; a text without escapes is itself. */
export function fromVisibleText(shown: string): string {
  return shown.replace(ESCAPE, (whole, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

/** Whether nothing in a text is invisible. */
export function isVisible(text: string): boolean {
  return !NOT_PLAIN.test(text) || text.search(INVISIBLE) === -1;
}

/**
 * One line of JSON with the same value and nothing in it that a terminal obeys or does not show: JSON escapes C0 alone. Every reader of
 * JSON reads it as it was; readers of lines that also break at U+2028 do not.
 */
export function visibleJson(json: string): string {
  return NOT_PLAIN.test(json) ? json.replace(INVISIBLE, escapeInJson) : json;
}

/** A value as one line of JSON that may be shown: see {@link visibleJson}. */
export function jsonLine(value: object): string {
  return visibleJson(JSON.stringify(value));
}

function escape(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function escapeInJson(character: string): string {
  // In JSON these stand between values only: within a text they are escaped already.
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  let escaped = '';
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
