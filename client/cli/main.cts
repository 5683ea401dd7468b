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
    runHook();
  } else if ((name === '--version' || name === '-V') && args.length === 0) {
    const { printVersion } = require('./print-version.cjs') as { printVersion(): void };
    printVersion();
  } else {
    import('./main.js').catch(notLoaded);
  }
} catch (error) {
  notLoaded(error);
}

/** Runs the hook, if possible with the code that V8 has compiled for an earlier call: to compile it takes a third of the hook's time. */
function runHook(): void {
  const file = path.join(__dirname, 'hook/main.cjs');
  const compiledFile = `${file}.${process.version}-${process.platform}-${process.arch}`;
  const text = fs.readFileSync(file);
  const cachedData = compiledCode(compiledFile, text);
  const options = cachedData === undefined ? {} : { cachedData };
  const script = new vm.Script(text.toString('latin1'), { filename: 'hook/main.cjs', ...options });
  const hook = { exports: {} as { main(args: readonly string[]): Promise<void> } };
  (script.runInThisContext() as Bundle)(hook, require, (path) => import(path));
  void hook.exports.main(args).then(() => {
    if (cachedData === undefined) keepCompiled(file, compiledFile);
    // All is written. To take Node apart in order takes a tenth of the hook's time.
    process.exit();
  });
}

/** Has the hook compiled for the next call. Where the hook's user cannot write beside the bundle, it is compiled at each call. */
function keepCompiled(file: string, compiledFile: string): void {
  try {
    fs.accessSync(path.dirname(file), fs.constants.W_OK);
    const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
    execFileSync(process.execPath, [path.join(__dirname, 'compile-hook.cjs'), file, compiledFile], { stdio: 'ignore' });
  } catch {
    // The next call finds no code either, and tries again.
  }
}

/**
 * Reads what compile-hook.cts has written: the bundle's text, and its code twice. V8 looks at its own version and flags and at the length of
 * the text, but not at the text or the code: code of another text would run instead of it, and a damaged one end the process.
 * @returns `undefined` if there is no code for this text, or it is damaged.
 */
function compiledCode(file: string, text: Buffer): Buffer | undefined {
  try {
    const kept = fs.readFileSync(file);
    const middle = text.length + (kept.length - text.length) / 2;
    const code = kept.subarray(text.length, middle);
    const isWhole = kept.subarray(0, text.length).equals(text) && code.equals(kept.subarray(middle));
    return isWhole && code.length > 0 ? code : undefined;
  } catch {
    return undefined;
  }
}
