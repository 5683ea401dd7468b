/** The signs that make an address a glob; PROTOCOL.md lists them in words. picomatch reads a text without any of these as itself. */
const GLOB_SIGN = /^!|^\.\/|[*?[{(\\"]/;

/** Whether an address is a glob, and matches more than the same text. */
export function isGlob(address: string): boolean {
  return GLOB_SIGN.test(address);
}

/** A backslash and the character after it. */
const ESCAPE = /\\(.?)/gsu;
const SIGN = /^[!-.:-@[-`{-~]$/;

/**
 * Stand-ins for ASCII signs that have no special meaning, used while picomatch reads the pattern. They are halves of surrogate pairs, which
 * no text from the wire contains.
 */
const FIRST_STAND_IN = 0xd800;
const STAND_IN = /\\?([\ud800-\ud87f])/g;

const standIn = (sign: string): string => String.fromCharCode(FIRST_STAND_IN + sign.charCodeAt(0));

/**
 * Returns the pattern to give to picomatch, without any backslash. picomatch does not terminate on some backslashes (`a]\\\\`), and reads
 * others as escapes of regular expressions (`src\billing.py`). A backslash before a sign makes the sign literal. Before a letter, a digit
 * or the end it is an ordinary backslash.
 */
export function patternOf(glob: string): string {
  return glob.replace(ESCAPE, (_, next: string) => {
    // Text between slashes is a name, so a backslash before a slash means nothing.
    if (next === '/') return next;
    return SIGN.test(next) ? standIn(next) : `${standIn('\\')}${next}`;
  });
}

/**
 * Returns the source of the regular expression that picomatch makes from {@link patternOf}, with the signs put back for their stand-ins.
 */
export function sourceOf(expression: RegExp): string {
  return expression.source.replace(
    STAND_IN,
    (_, unit: string) => `\\${String.fromCharCode(unit.charCodeAt(0) - FIRST_STAND_IN)}`,
  );
}

/** Returns how many wildcards a glob has. A run of unescaped signs counts as one. */
export function countWildcards(glob: string): number {
  return glob.replace(ESCAPE, '').match(/[*?+@!{[(]+/g)?.length ?? 0;
}
