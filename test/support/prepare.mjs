/** Loaded before each test file. A file that is run from its source is translated while it is loaded. */
import './user-directories.mjs';

// What run-suite.mjs gives to the process of a test is not for the programs that the test starts.
const options = process.env.NODE_OPTIONS?.replace(/ ?--import=\S*unrecorded\.mjs/, '') ?? '';
if (options === '') delete process.env.NODE_OPTIONS;
else process.env.NODE_OPTIONS = options;
delete process.env.__TAPJS_PROCESSINFO_TESTING_NO_REGISTER__;

if (process.argv[1]?.endsWith('.ts') || process.argv[1]?.endsWith('.tsx')) await import('tsx');
