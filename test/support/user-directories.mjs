/**
 * Loaded before each test: what a user keeps for programs is in a directory of the run's own, for the test and for every command
 * that it starts. Nothing is written into the home of whoever runs the tests.
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
