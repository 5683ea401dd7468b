/** Loaded before each test file. A file that is run from its source is translated while it is loaded. */
import './user-directories.mjs';

if (process.argv[1]?.endsWith('.ts') || process.argv[1]?.endsWith('.tsx')) await import('tsx');
