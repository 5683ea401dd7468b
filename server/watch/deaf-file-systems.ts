import { statfsSync } from 'node:fs';

/** File systems whose changes, or some of them, reach no watcher; by the magic numbers of `statfs(2)`. */
const DEAF: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
]);

/** @returns the name of a file system whose changes may reach no watcher; `undefined` where a path is on another. */
export function deafFileSystem(path: string): string | undefined {
  try {
    return DEAF.get(statfsSync(path).type);
  } catch {
    return undefined;
  }
}
