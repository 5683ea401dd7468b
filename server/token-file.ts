import { join } from 'node:path';
import { BusDir } from './bus-dir.js';
import { CoordinationDir } from './watch/coordination-dir.js';

/** Where a repository's token is kept: whoever serves it looks there again when it has been changed. */
export function tokenFile(root: string): string {
  return join(new CoordinationDir(root).bus, 'token');
}

/** Makes another token for a repository, from outside its server. @returns the token. */
export function renewToken(root: string): string {
  const dir = new BusDir(new CoordinationDir(root).bus);
  dir.ensure();
  return dir.newToken();
}
