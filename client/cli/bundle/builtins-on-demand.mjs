/** Node's modules in a bundle, each loaded at its first use: some of them take as long to load as the rest of a command. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';

const builtin = createRequire(import.meta.url);
const ON_DEMAND = 'builtin on demand';
const OURS = 'builtin on demand of ours';
const IMPORT = /^import (?:\* as \w+|(\w+)?(?:, )?(?:\{([^}]*)\})?) from '(node:[\w/]+)';$/gm;

/**
 * A plugin of esbuild.
 * @param {RegExp} filter the modules that are loaded on demand; all others are loaded with the bundle.
 * @param {string} ours the directory with our own modules. For these a module of Node has only what one of them imports by name: a name
 *   for each of the hundred things in node:fs takes longer to read than what the hook does with it.
 */
export function builtinsOnDemand(filter, ours) {
  return {
    name: ON_DEMAND,
    setup({ onResolve, onLoad }) {
      const used = namesUsedIn(ours);
      onResolve({ filter }, ({ path, kind, namespace, importer }) => {
        if (namespace === ON_DEMAND || namespace === OURS || kind === 'dynamic-import') return { path, external: true };
        const isOurs = importer.startsWith(ours + sep) && used.has(path);
        return { path, namespace: isOurs ? OURS : ON_DEMAND };
      });
      onLoad({ filter: /./, namespace: ON_DEMAND }, ({ path }) => ({
        contents: lazyModule(path, Object.keys(builtin(path))),
        loader: 'js',
      }));
      onLoad({ filter: /./, namespace: OURS }, ({ path }) => ({
        contents: moduleOfOurs(path, [...used.get(path)]),
        loader: 'js',
      }));
    },
  };
}

/** What Node itself has loaded when a program begins. */
const LOADED = ['node:fs', 'node:path'];

/**
 * An ES module, if its names can be exported without loading what has them: of a CommonJS module each importing file would make an object of
 * its own, with a getter for each name, which is more than half of what the hook's modules do when they are loaded.
 */
function moduleOfOurs(path, names) {
  const real = builtin(path);
  const own = `require('${path}')`;
  if (LOADED.includes(path))
    return [`const loaded = ${own};`, ...names.map((name) => `export const ${name} = loaded.${name};`)].join('\n');
  if (!names.every((name) => /^[a-z]/.test(name) && typeof real[name] === 'function')) return lazyModule(path, names);
  const calls = names.map(
    (name) => `export function ${name}(...args) { return (loaded ??= ${own}).${name}(...args); }`,
  );
  return ['let loaded;', ...calls].join('\n');
}

function lazyModule(path, names) {
  const getters = names
    .filter((name) => /^[A-Za-z]\w*$/.test(name))
    .map((name) => `get ${name}() { return (loaded ??= require('${path}')).${name}; }`);
  return `let loaded; module.exports = { ${getters.join(', ')} };`;
}

/** The names that modules import from each module of Node; nothing of one that a module imports as a whole. */
function namesUsedIn(directory) {
  const used = new Map();
  const whole = new Set();
  for (const entry of readdirSync(directory, { recursive: true })) {
    if (!entry.endsWith('.js')) continue;
    for (const [, asDefault, list, path] of readFileSync(join(directory, entry), 'utf8').matchAll(IMPORT)) {
      if (list === undefined || asDefault !== undefined) whole.add(path);
      const names = (list ?? '').split(',').map((name) => name.trim().split(/\s+as\s+/)[0]);
      used.set(path, new Set([...(used.get(path) ?? []), ...names.filter((name) => name !== '')]));
    }
  }
  for (const path of whole) used.delete(path);
  return used;
}
