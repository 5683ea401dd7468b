import { statfsSync } from 'node:fs';

/** File systems on which some or all changes cause no notification, by the magic numbers of `statfs(2)`. */
const DEAF: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
]);

/** @returns the name of the path's file system if changes on it may cause no notification; otherwise `undefined`. */
export function deafFileSystem(path: string): string | undefined {
  try {
    return DEAF.get(statfsSync(path).type);
  } catch {
    return undefined;
  }
}
