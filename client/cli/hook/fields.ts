/** What a program sends as a JSON object, before anything of it is believed. */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; none of anything else. */
export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The first of some fields that is a text, or an array of texts, and is not empty. */
export function textIn(fields: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value !== '') return value;
    if (Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string'))
      return value.join('\n');
  }
  return undefined;
}
