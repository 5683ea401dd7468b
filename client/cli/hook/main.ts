import { parseArgs } from 'node:util';
import { toCliError } from '../cli-error.js';
import { plainOutput } from '../terminal/plain-output.js';
import { hook } from './hook.js';

/**
 * The command `hook` alone, without the other commands, their parser and their help, because it runs before every edit. The build bundles
 * it and its imports into one file.
 */
export async function main(args: readonly string[]): Promise<void> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'run-id': { type: 'string' },
        branch: { type: 'string', short: 'b' },
        root: { type: 'string' },
        'when-unknown': { type: 'string' },
      },
    });
    const [harness = '', ...others] = positionals;
    if (others.length > 0) throw new Error(`hook takes one harness, got ${positionals.join(' ')}`);
    const { 'run-id': runId, 'when-unknown': whenUnknown, branch, root } = values;
    await hook(harness, { runId, branch, root, whenUnknown }, plainOutput);
  } catch (error) {
    plainOutput.err(`❌ ${toCliError(error).message}`);
    process.exitCode = 1;
  }
}
