#!/usr/bin/env node
/**
 * What `muse-bus` starts. Node needs a tenth of a second of its own for a script, and a third more of that to prepare for the first ES module:
 * what an agent waits for before every edit, and `--version`, are CommonJS bundles. Every other command is in `main.js`.
 */
const [name, ...args] = process.argv.slice(2);
if (name === 'hook' && args.length > 0 && !args.some((arg) => arg === '--help' || arg === '-h')) {
  const { main } = require('./hook/main.cjs') as { main(args: readonly string[]): Promise<void> };
  void main(args);
} else if ((name === '--version' || name === '-V') && args.length === 0) {
  const { printVersion } = require('./print-version.cjs') as { printVersion(): void };
  printVersion();
} else {
  void import('./main.js');
}
