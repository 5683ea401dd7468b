const MAX_EXCERPT_CHARACTERS = 80;

/** Shortens a foreign text for a message. The terminal and the log escape invisible characters. */
export function excerpt(text: string, maxCharacters = MAX_EXCERPT_CHARACTERS): string {
  // First by code units, because splitting a long text into characters is expensive.
  const characters = Array.from(text.slice(0, 2 * maxCharacters + 2));
  if (characters.length <= maxCharacters) return text;
  return `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

/** An excerpt of an unchecked JSON value. Nested values are only named, because they may be nested very deeply. */
export function excerptOf(value: unknown): string {
  if (typeof value === 'string') return excerpt(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return 'an object';
  const isFlat = value.every((one) => typeof one !== 'object' || one === null);
  return isFlat ? excerpt(value.slice(0, 20).map(String).join(', ')) : 'a nested list';
}
