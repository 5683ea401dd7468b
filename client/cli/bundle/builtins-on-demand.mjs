/** Node's modules in a bundle, each loaded at its first use: some of them take as long to load as the rest of a command. */
import { createRequire } from 'node:module';

const builtin = createRequire(import.meta.url);
const NAMESPACE = 'builtin on demand';

/** What a bundle must begin with, because an ES module has no `require`. */
export const REQUIRE_BANNER =
  "import { createRequire as makeRequire } from 'node:module';const require = makeRequire(import.meta.url);";

/** A plugin of esbuild. @param {RegExp} filter the modules that are loaded on demand; all others are loaded with the bundle. */
export function builtinsOnDemand(filter) {
  return {
    name: NAMESPACE,
    setup({ onResolve, onLoad }) {
      onResolve({ filter }, ({ path, kind, namespace }) =>
        namespace === NAMESPACE || kind === 'dynamic-import'
          ? { path, external: true }
          : { path, namespace: NAMESPACE },
      );
      onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({ contents: lazyModule(path), loader: 'js' }));
    },
  };
}

function lazyModule(path) {
  const names = Object.keys(builtin(path)).filter((name) => /^[A-Za-z]\w*$/.test(name));
  const getters = names.map((name) => `get ${name}() { return (loaded ??= require('${path}')).${name}; }`);
  return `let loaded; module.exports = { ${getters.join(', ')} };`;
}
