/**
 * Characters that a reader cannot see, by Unicode's own properties: controls, format characters (including bidi controls and tags), halves
 * of surrogate pairs, private use, unassigned code points (no font defines their look), every space and separator but U+0020, and
 * characters that fonts leave out by rule (variation selectors, fillers). U+2800 is a symbol without a dot.
 */
const INVISIBLE = /(?=[^\x20-\x7e])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Only our own escapes contain these three characters in sequence, so no other text can look like an escape. */
const LOOKS_ESCAPED = /\\(?=u\{)/g;
const ESCAPE = /\\u\{([0-9a-f]{1,6})\}/g;

/** Most texts are plain ASCII. This test finds that in a twentieth of the time. */
const NOT_PLAIN = /[^\x20-\x7e]/;

/**
 * Returns a text in a form that is safe to show on one line: in a terminal, a log, a page, or to a model. An invisible character is written
 * as `\u{200b}`, a line break as `\u{a}`. Two texts that differ only in invisible characters never look the same. {@link fromVisibleText}
 * reads the form back.
 */
export function visibleText(text: string): string {
  const unforged = text.includes('\\u{') ? text.replace(LOOKS_ESCAPED, escape) : text;
  return NOT_PLAIN.test(unforged) ? unforged.replace(INVISIBLE, escape) : unforged;
}

/** Returns the text that {@link visibleText} shows like this. A text without escapes is returned unchanged. */
export function fromVisibleText(shown: string): string {
  return shown.replace(ESCAPE, (whole, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

/** Whether a text has no invisible character. */
export function isVisible(text: string): boolean {
  return !NOT_PLAIN.test(text) || text.search(INVISIBLE) === -1;
}

/**
 * Returns one line of JSON with the same value, without characters that a terminal obeys or does not show. JSON itself escapes only C0.
 * Every reader of JSON reads the same value from it. A program that splits its input into lines at U+2028 does not break this line, because
 * U+2028 is escaped too.
 */
export function visibleJson(json: string): string {
  return NOT_PLAIN.test(json) ? json.replace(INVISIBLE, escapeInJson) : json;
}

/** Returns a value as one line of JSON that is safe to show: see {@link visibleJson}. */
export function jsonLine(value: object): string {
  return visibleJson(JSON.stringify(value));
}

function escape(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function escapeInJson(character: string): string {
  // Line breaks and tabs occur in JSON only between values: within a string they are escaped already.
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  let escaped = '';
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
