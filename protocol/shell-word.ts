import { isVisible } from './visible-text.js';

const PLAIN = /^[\w@%+=:,./][\w@%+=:,./-]*$/;

/**
 * Returns a text as one word of a POSIX shell, for a command that a person pastes: what a record or a path contains must not become a
 * command, an option or a key. A character that cannot be seen is written as its bytes, in the form `$'\012'`.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (isVisible(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return `$'${Array.from(text, escaped).join('')}'`;
}

function escaped(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`;
  if (isVisible(character)) return character;
  return Array.from(new TextEncoder().encode(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
