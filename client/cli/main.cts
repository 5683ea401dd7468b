#!/usr/bin/env node
/**
 * What `muse-bus` starts. Node needs a tenth of a second of its own for a script, and a third more of that to prepare for the first ES module:
 * what an agent waits for before every edit, and `--version`, are CommonJS bundles. Every other command is in `main.js`.
 */
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
    const { main } = require('./hook/main.cjs') as { main(args: readonly string[]): Promise<void> };
    void main(args);
  } else if ((name === '--version' || name === '-V') && args.length === 0) {
    const { printVersion } = require('./print-version.cjs') as { printVersion(): void };
    printVersion();
  } else {
    import('./main.js').catch(notLoaded);
  }
} catch (error) {
  notLoaded(error);
}
