/**
 * Loaded before each test. The user's directories for state and configuration are temporary ones, for the test and for each command
 * that it starts, so that the tests write nothing into the user's home.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OURS = 'TEST_USER_DIRECTORIES';

if (process.env[OURS] === undefined) {
  const directory = mkdtempSync(join(tmpdir(), 'muse-bus-user-'));
  process.env[OURS] = directory;
  process.env.XDG_STATE_HOME = join(directory, 'state');
  process.env.XDG_CONFIG_HOME = join(directory, 'config');
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
}
