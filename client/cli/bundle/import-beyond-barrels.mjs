/**
 * A barrel is an index.js that only passes on what other files export. Through one, esbuild counts each of those files as loaded by
 * everything that imports any of them, so a command would load most of the server for one constant. So each name is imported from the file
 * that has it.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

const IMPORT = /^import \{([^}]*)\} from '(\.[^']*\/index\.js)';$/gm;
const EXPORT = /^export \{([^}]*)\} from '(\.[^']*)';$/gm;

/** Returns the text of a module, with its imports from barrels replaced. */
export async function importBeyondBarrels(path) {
  const text = await readFile(path, 'utf8');
  const replaced = new Map();
  for (const [statement, list, from] of text.matchAll(IMPORT)) {
    const exported = await passedOn(join(dirname(path), from));
    const lines = namesIn(list).map(({ name, as }) => {
      const { file, name: own } = exported.get(name) ?? { file: join(dirname(path), from), name };
      return `import { ${own} as ${as} } from '${specifier(path, file)}';`;
    });
    replaced.set(statement, lines.join(''));
  }
  return text.replace(IMPORT, (statement) => replaced.get(statement));
}

const read = new Map();

/** Returns what a barrel passes on: for each name the file that has it, and its name there. */
function passedOn(barrel) {
  if (!read.has(barrel)) read.set(barrel, readExports(barrel));
  return read.get(barrel);
}

async function readExports(barrel) {
  const exported = new Map();
  for (const [, list, from] of (await readFile(barrel, 'utf8')).matchAll(EXPORT)) {
    const file = join(dirname(barrel), from);
    const further = from.endsWith('/index.js') ? await passedOn(file) : new Map();
    for (const { name, as } of namesIn(list)) exported.set(as, further.get(name) ?? { file, name });
  }
  return exported;
}

function namesIn(list) {
  const entries = list.split(',').map((entry) => entry.trim());
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name, as = name] = entry.split(/\s+as\s+/);
      return { name, as };
    });
}

function specifier(from, to) {
  const path = relative(dirname(from), to).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}
