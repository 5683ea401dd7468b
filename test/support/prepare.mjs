/** Loaded before each test file. A file that is run from its source is translated while it is loaded. */
import './user-directories.mjs';

// What run-suite.mjs gives to the process of a test is not for the programs that the test starts.
const options = process.env.NODE_OPTIONS?.replace(/ ?--import=\S*unrecorded\.mjs/, '') ?? '';
if (options === '') delete process.env.NODE_OPTIONS;
else process.env.NODE_OPTIONS = options;
delete process.env.__TAPJS_PROCESSINFO_TESTING_NO_REGISTER__;

// What a person has set for their own terminal and their own bus is not for the programs under test either: on a terminal tap sets FORCE_COLOR.
for (const name of Object.keys(process.env))
  if (/^(?:MUSE_(?!TEST_|BUS_REFERENCE$)|FORCE_COLOR$|CLICOLOR)/.test(name)) delete process.env[name];
process.env.NO_COLOR = '1';

if (process.argv[1]?.endsWith('.ts') || process.argv[1]?.endsWith('.tsx')) await import('tsx');
