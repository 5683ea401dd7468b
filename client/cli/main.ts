#!/usr/bin/env node
/** Loads what the given command needs. `hook` is called before every edit of an agent, so nothing else is loaded for it. Its help comes with that of all commands. */
const [name, ...args] = process.argv.slice(2);
if (name === 'hook' && args.length > 0 && !args.some((arg) => arg === '--help' || arg === '-h')) {
  const { main } = await import('./hook/main.js');
  await main(args);
} else if ((name === '--version' || name === '-V') && args.length === 0) {
  const { printVersion } = await import('./print-version.js');
  printVersion();
} else {
  await import('./command-line.js');
}
