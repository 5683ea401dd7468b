/** What is invisible, or what a terminal or a log viewer obeys instead of showing. */
const UNSHOWN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/gu;
const MAX_EXCERPT_CHARACTERS = 80;

/** A foreign text for a message: what cannot be seen is written as `\u{…}`, and what is long is shortened. */
export function excerpt(text: string, maxCharacters = MAX_EXCERPT_CHARACTERS): string {
  // Code units first: splitting a long text into characters would cost more than the text itself.
  const characters = Array.from(text.slice(0, 2 * maxCharacters + 2));
  const isWhole = characters.length <= maxCharacters;
  const shown = isWhole ? characters : characters.slice(0, maxCharacters - 1);
  const escaped = shown.join('').replace(UNSHOWN, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
  return isWhole ? escaped : `${escaped}…`;
}

/** A value from JSON that nobody has checked: of a nested one only what it is, because it may be nested very deeply. */
export function excerptOf(value: unknown): string {
  if (typeof value === 'string') return excerpt(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return 'an object';
  const isFlat = value.every((one) => typeof one !== 'object' || one === null);
  return isFlat ? excerpt(value.slice(0, 20).map(String).join(', ')) : 'a nested list';
}
