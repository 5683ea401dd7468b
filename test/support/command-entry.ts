/** The command line as it is compiled beside the tests, without the bundle: runs of faults take it, which need no dist/. */
import { runCommandLine } from '../../client/cli/command-line.js';

await runCommandLine();
