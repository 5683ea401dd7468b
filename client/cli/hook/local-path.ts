import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Returns the path that a harness means: it may write a file's url, or `~` for the home of its user. */
export function localPath(text: string, isWindows = process.platform === 'win32'): string {
  try {
    if (/^file:\/\//i.test(text)) return fileURLToPath(text, { windows: isWindows });
    if (text === '~' || text.startsWith('~/')) return join(homedir(), text.slice(1));
  } catch {
    // A url of another machine, or a user without a home.
    return text;
  }
  // Cursor names the roots of a workspace so.
  return isWindows && /^\/[A-Za-z]:/.test(text) ? text.slice(1) : text;
}
