/** A text as one word of a POSIX shell. A record must not add a command to the copied line. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * A command of muse-bus that can be pasted into a shell. It begins with the installed command and not with npx, which would run whatever
 * package has that name. Options of ours keep their dashes.
 */
export const commandLine = (words: readonly string[]): string =>
  ['muse-bus', ...words.map((word) => (/^--[a-z-]+$/.test(word) ? word : shellWord(word)))].join(' ');

/** An argument of a command, which is no option even if it begins with a dash. */
export const operand = (text: string): readonly string[] => (text.startsWith('-') ? ['--', text] : [text]);
