#!/usr/bin/env node
/**
 * What `muse-bus` starts. All that it loads is CommonJS, which Node finds, links and starts in half the time of ES modules. What an agent
 * waits for before every edit, and `--version`, are bundles of their own. Every other command is in `command-line.cjs`.
 */
import fs = require('node:fs');
import Module = require('node:module');
import path = require('node:path');
import vm = require('node:vm');

/** What a bundle of the hook is: a function, called as Node calls a CommonJS module, and with what runs another bundle. */
type Bundle = (module: object, require: NodeJS.Require, run: (name: string) => Promise<unknown>) => void;

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
    runCommandLine();
  }
} catch (error) {
  notLoaded(error);
}

function runCommandLine(): void {
  keepWhatNodeCompiles();
  const commands = require('./command-line.cjs') as { runCommandLine(): Promise<void> };
  commands.runCommandLine().catch(notLoaded);
}

/**
 * Has Node keep the compiled code of the commands beside them, where it can: from version 22.1 on. Only for the owner of the package, who can
 * write the commands too, and who alone could remove what another user had left there.
 */
function keepWhatNodeCompiles(): void {
  const { enableCompileCache } = Module as { enableCompileCache?: (directory: string) => void };
  const isOwner = process.getuid === undefined || fs.statSync(__dirname).uid === process.getuid();
  if (isOwner) enableCompileCache?.(path.join(__dirname, 'compiled'));
}

/** Runs the hook, if possible with the code that V8 has compiled for an earlier call: to compile it takes a third of the hook's time. */
function runHook(): void {
  const uncompiled: string[] = [];
  const { main } = runBundle('hook/main.cjs', uncompiled) as { main(args: readonly string[]): Promise<void> };
  void main(args).then(() => {
    for (const file of uncompiled) keepCompiled(file);
    // All is written. To take Node apart in order takes a tenth of the hook's time.
    process.exit();
  });
}

/** @param uncompiled takes the bundles for which no compiled code is kept. @returns what the bundle exports. */
function runBundle(name: string, uncompiled: string[]): unknown {
  const file = path.join(__dirname, name);
  const text = fs.readFileSync(file);
  const cachedData = compiledCode(compiledFile(file), text);
  if (cachedData === undefined) uncompiled.push(file);
  const options = cachedData === undefined ? {} : { cachedData };
  const script = new vm.Script(text.toString('latin1'), { filename: name, ...options });
  const bundle = { exports: {} };
  const run = (other: string): Promise<unknown> =>
    new Promise((resolve) => {
      resolve(runBundle(other, uncompiled));
    });
  (script.runInThisContext() as Bundle)(bundle, require, run);
  return bundle.exports;
}

function compiledFile(file: string): string {
  return `${file}.${process.version}-${process.platform}-${process.arch}`;
}

/** Has a bundle compiled for the next call. Where the hook's user cannot write beside the bundle, it is compiled at each call. */
function keepCompiled(file: string): void {
  try {
    fs.accessSync(path.dirname(file), fs.constants.W_OK);
    const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
    const compile = [path.join(__dirname, 'compile-hook.cjs'), file, compiledFile(file)];
    execFileSync(process.execPath, compile, { stdio: 'ignore' });
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
