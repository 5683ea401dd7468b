const NAME = '[A-Za-z0-9_-][A-Za-z0-9_.:-]*';
/** `src/billing/**`: everything below a directory. */
const BELOW = new RegExp(`^(${NAME}(?:/${NAME})*)/\\*\\*$`);
/** `src/billing.py::*`: whatever begins so and has no further slash. Without any slash picomatch reads it in another way. */
const BEGINNING = new RegExp(`^(${NAME}(?:/${NAME})+)\\*$`);
/** What a regular expression's dot does not match. */
const LINE_END = /[\n\r\u2028\u2029]/;

/**
 * The two globs that nearly everybody asks with, as comparisons of text: a quarter of what a regular expression takes.
 * They say what picomatch says.
 * @returns `undefined` for any other pattern.
 */
export function readPlainGlob(pattern: string): ((text: string) => boolean) | undefined {
  const directory = BELOW.exec(pattern)?.[1];
  if (directory !== undefined) return below(directory);
  const beginning = BEGINNING.exec(pattern)?.[1];
  return beginning === undefined ? undefined : startingWith(beginning);
}

function below(directory: string): (text: string) => boolean {
  const inside = `${directory}/`;
  // From its slash on, so that the first name is looked at like the others.
  const slash = directory.length;
  return (text) => {
    if (!text.startsWith(inside)) return text === directory;
    // Names that begin with a dot are hidden.
    return !text.includes('/.', slash) && !LINE_END.test(text);
  };
}

function startingWith(beginning: string): (text: string) => boolean {
  return (text) => {
    if (!text.startsWith(beginning)) return false;
    const slash = text.indexOf('/', beginning.length);
    // picomatch passes over a slash at the end.
    return slash === -1 || slash === text.length - 1;
  };
}
