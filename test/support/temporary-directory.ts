import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Makes a directory that is removed at the end of the test. */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'muse-bus-test-'));
  t.teardown(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}
