/** The keys that `top` knows. Any other character that can be typed is itself. */
const NAMED: Readonly<Record<string, string>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[C': 'right',
  '\u001bOC': 'right',
  '\u001b[D': 'left',
  '\u001bOD': 'left',
  '\u001b[5~': 'page up',
  '\u0002': 'page up',
  '\u001b[6~': 'page down',
  '\u0006': 'page down',
  '\u001b[H': 'home',
  '\u001bOH': 'home',
  '\u001b[1~': 'home',
  '\u001b[F': 'end',
  '\u001bOF': 'end',
  '\u001b[4~': 'end',
  '\u001b[Z': 'back tab',
  '\u001bOP': 'help',
  '\u001b[11~': 'help',
  '\t': 'tab',
  '\r': 'enter',
  '\n': 'enter',
  '\u001b': 'escape',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'quit',
  '\u000c': 'redraw',
  '\u0015': 'clear',
  '\u001a': 'suspend',
};

/** An escape sequence, or one character. A terminal sends a sequence in one piece, so an escape at the end is the key. */
// eslint-disable-next-line no-control-regex -- terminals send keys as control characters
const KEY = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001bO[A-Za-z]|./gsu;
const UNTYPED = /^[\p{Cc}\p{Cs}]/u;

/** Returns the keys in what a terminal sends. Sequences that are no key of ours are left out. */
export function readKeys(input: string): string[] {
  return [...input.matchAll(KEY)].flatMap(([key]) => NAMED[key] ?? (UNTYPED.test(key) ? [] : key));
}
