const MAX_EXCERPT_CHARACTERS = 80;

/** A foreign text for a message, shortened. What cannot be seen in it is escaped where it leaves: by the terminal and the log. */
export function excerpt(text: string, maxCharacters = MAX_EXCERPT_CHARACTERS): string {
  // Code units first: splitting a long text into characters would cost more than the text itself.
  const characters = Array.from(text.slice(0, 2 * maxCharacters + 2));
  if (characters.length <= maxCharacters) return text;
  return `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

/** A value from JSON that nobody has checked: of a nested one only what it is, because it may be nested very deeply. */
export function excerptOf(value: unknown): string {
  if (typeof value === 'string') return excerpt(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return 'an object';
  const isFlat = value.every((one) => typeof one !== 'object' || one === null);
  return isFlat ? excerpt(value.slice(0, 20).map(String).join(', ')) : 'a nested list';
}
