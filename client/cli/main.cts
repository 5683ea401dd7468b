#!/usr/bin/env node
/**
 * What `muse-bus` starts. Node needs a tenth of a second of its own for a script, and a third more of that to prepare for the first ES module:
 * what an agent waits for before every edit, and `--version`, are CommonJS bundles. Every other command is in `main.js`.
 */
import fs = require('node:fs');
import path = require('node:path');
import vm = require('node:vm');

/** What the bundle of the hook is: a function, called as Node calls a CommonJS module, and with what imports an ES module. */
type Bundle = (module: object, require: NodeJS.Require, importModule: (path: string) => Promise<unknown>) => void;

const [name, ...args] = process.argv.slice(2);
/** A part of this program that cannot be loaded is no fault of it: too few open files, a broken installation. One line says so. */
function notLoaded(error: unknown): void {
  const { code = '', errno, message } = error as NodeJS.ErrnoException;
  if (errno === undefined && !code.endsWith('MODULE_NOT_FOUND')) throw error;
  const advice = code === 'EMFILE' || code === 'ENFILE' ? 'allow more open files: ulimit -n' : 'install muse-bus again';
  process.stderr.write(`❌ muse-bus cannot be loaded: ${message.split('\n', 1).join('')}\n   ${advice}\n`);
  process.exitCode = 1;
}

try {
  if (name === 'hook' && args.length > 0 && !args.some((arg) => arg === '--help' || arg === '-h')) {
    const hook = { exports: {} as { main(args: readonly string[]): Promise<void> } };
    bundle(path.join(__dirname, 'hook/main.cjs'))(hook, require, (path) => import(path));
    void hook.exports.main(args);
  } else if ((name === '--version' || name === '-V') && args.length === 0) {
    const { printVersion } = require('./print-version.cjs') as { printVersion(): void };
    printVersion();
  } else {
    import('./main.js').catch(notLoaded);
  }
} catch (error) {
  notLoaded(error);
}

/**
 * Loads a bundle, if possible with the code that V8 has compiled at the build: to compile it takes a quarter of the hook's time. V8 refuses
 * code of another version or for other flags, and compiles the bundle then.
 */
function bundle(file: string): Bundle {
  const machine = [process.versions.v8.split('-')[0], process.platform, process.arch].join('-');
  const text = fs.readFileSync(file, 'latin1');
  // The compiled code has the name in it, which is therefore not that of a directory where the package was built.
  const script = new vm.Script(text, { filename: 'hook/main.cjs', cachedData: compiled(`${file}.${machine}`) });
  return script.runInThisContext() as Bundle;
}

function compiled(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    // Another version of Node, or another machine: the bundle is compiled.
    return undefined;
  }
}
