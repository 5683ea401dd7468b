/** What makes an address a glob; PROTOCOL.md says the same in words. Without any of this picomatch reads a text as itself. */
const LIVE = /^!|^\.\/|[*?[{(\\"]/;

/** Whether an address asks for more than the same text. */
export function isGlob(address: string): boolean {
  return LIVE.test(address);
}

/** A backslash with what it stands before. */
const ESCAPE = /\\(.?)/gsu;
const SIGN = /^[!-.:-@[-`{-~]$/;

/** Stand for signs of ASCII without a meaning, while picomatch reads the pattern: halves of pairs, which no text from the wire holds. */
const FIRST_STAND_IN = 0xd800;
const STAND_IN = /\\?([\ud800-\ud87f])/g;

const standIn = (sign: string): string => String.fromCharCode(FIRST_STAND_IN + sign.charCodeAt(0));

/**
 * The pattern that picomatch is given, without any backslash: with some of them it does not come to an end (`a]\\\\`), and
 * others it mistakes for the escapes of regular expressions (`src\billing.py`). A backslash takes the meaning from a sign; before
 * a letter, a digit or nothing it is a backslash.
 */
export function patternOf(glob: string): string {
  return glob.replace(ESCAPE, (_, next: string) => {
    // What is between slashes is a name, whatever stands before them.
    if (next === '/') return next;
    return SIGN.test(next) ? standIn(next) : `${standIn('\\')}${next}`;
  });
}

/** The source of the regular expression that picomatch makes of {@link patternOf}, with the signs in their places. */
export function sourceOf(expression: RegExp): string {
  return expression.source.replace(
    STAND_IN,
    (_, unit: string) => `\\${String.fromCharCode(unit.charCodeAt(0) - FIRST_STAND_IN)}`,
  );
}

/** How many wildcards a glob has: runs of signs that are not escaped. */
export function countWildcards(glob: string): number {
  return glob.replace(ESCAPE, '').match(/[*?+@!{[(]+/g)?.length ?? 0;
}
