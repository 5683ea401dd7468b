import { toCliError } from '../cli-error.js';
import { plainOutput } from '../terminal/plain-output.js';
import { readHookArguments } from './hook-arguments.js';
import { hook } from './hook.js';

/**
 * The command `hook` alone, without the other commands, their parser and their help, because it runs before every edit. The build bundles
 * it and its imports into one file.
 */
export async function main(args: readonly string[]): Promise<void> {
  try {
    const { harness, flags } = readHookArguments(args);
    await hook(harness, flags, plainOutput);
  } catch (error) {
    plainOutput.err(`❌ ${toCliError(error).message}`);
    process.exitCode = 1;
  }
}
