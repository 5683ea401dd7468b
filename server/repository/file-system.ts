import { statfsSync } from 'node:fs';

/**
 * Who can change the files of a file system. `local`: only this system, whose kernel notifies of each change. `layered`: this
 * system, but the layers below can also be written, without a notification. `shared`: other systems too, which is known;
 * `unknown`: a file system that is in no list here. `unreported`: this platform does not say which file system it is.
 */
export type FileSystem =
  | { readonly is: 'local'; readonly name: string }
  | { readonly is: 'layered'; readonly name: string }
  | { readonly is: 'shared'; readonly name: string }
  | { readonly is: 'unknown'; readonly name: string }
  | { readonly is: 'unreported' };

/** The magic numbers of `statfs(2)`. They have this meaning only on Linux. */
const LOCAL: readonly (readonly [number, string])[] = [
  [0xef53, 'ext4'],
  [0x58465342, 'XFS'],
  [0x9123683e, 'Btrfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x2fc12fc1, 'ZFS'],
  [0xf2f52010, 'F2FS'],
  [0xca451a4e, 'bcachefs'],
  [0x3153464a, 'JFS'],
  [0x52654973, 'ReiserFS'],
  [0x3434, 'NILFS'],
  [0x4d44, 'FAT'],
  [0x2011bab0, 'exFAT'],
  [0x7366746e, 'NTFS'],
  [0x5346544e, 'NTFS'],
  [0x482b, 'HFS+'],
  [0x24051905, 'UBIFS'],
  [0x15013346, 'UDF'],
  [0x73717368, 'SquashFS'],
  [0xe0f5e1e2, 'EROFS'],
];
const LAYERED: readonly (readonly [number, string])[] = [
  [0x794c7630, 'overlay'],
  [0x61756673, 'aufs'],
  [0xf15f, 'eCryptfs'],
];
const SHARED: readonly (readonly [number, string])[] = [
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  // Also virtiofs, sshfs, and the shares of Docker Desktop.
  [0x65735546, 'FUSE'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
  [0x7c7c6673, 'prl_fs'],
  [0x00c0ffee, 'hostfs'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
  [0x20030528, 'OrangeFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
];

const BY_MAGIC: ReadonlyMap<number, FileSystem> = new Map<number, FileSystem>([
  ...LOCAL.map(([magic, name]) => [magic, { is: 'local', name }] as const),
  ...LAYERED.map(([magic, name]) => [magic, { is: 'layered', name }] as const),
  ...SHARED.map(([magic, name]) => [magic, { is: 'shared', name }] as const),
]);

const UNREPORTED: FileSystem = { is: 'unreported' };

/** @returns the file system that a magic number of Linux stands for. */
export function fileSystemOf(magic: number): FileSystem {
  const unsigned = magic >>> 0;
  return BY_MAGIC.get(unsigned) ?? { is: 'unknown', name: `a file system of type 0x${unsigned.toString(16)}` };
}

/** @returns the file system of a path, as far as the platform says it. */
export function fileSystemAt(path: string, platform: NodeJS.Platform = process.platform): FileSystem {
  // A share of another machine that is named as one. A share with a drive letter cannot be told from a disk.
  if (platform === 'win32' && /^[\\/]{2}(?![?.])/.test(path)) return { is: 'shared', name: 'a network share' };
  if (platform !== 'linux' && platform !== 'android') return UNREPORTED;
  try {
    return fileSystemOf(statfsSync(path).type);
  } catch {
    return UNREPORTED;
  }
}

/** From the one that only this system writes to those that others are known to write. */
const LEAST_RELIABLE_LAST: readonly FileSystem['is'][] = ['local', 'layered', 'unreported', 'unknown', 'shared'];

/** @returns of several file systems the one of which least can be relied on: it decides for all that is on any of them. */
export function leastReliable(first: FileSystem, ...others: readonly FileSystem[]): FileSystem {
  const rank = ({ is }: FileSystem): number => LEAST_RELIABLE_LAST.indexOf(is);
  return others.reduce((least, one) => (rank(one) > rank(least) ? one : least), first);
}

/** @returns the name of a path's file system if other systems can change it, or if that is not known; otherwise `undefined`. */
export function deafFileSystem(path: string): string | undefined {
  const found = fileSystemAt(path);
  return found.is === 'shared' || found.is === 'unknown' ? found.name : undefined;
}

/** Whether a file that nobody touched may have another inode after a new mount, or after the kernel has forgotten it. */
export const mayRenumber = ({ is }: FileSystem): boolean => is !== 'local' && is !== 'unreported';

/** The file systems on which a mode may say nothing about who can use a file: their own have none, or the other end decides. */
const MAY_LACK_MODES: ReadonlySet<string> = new Set(['FAT', 'exFAT', 'NTFS', 'SMB', '9p', 'FUSE']);

/** Whether modes may say nothing on a file system. */
export const mayLackModes = (fileSystem: FileSystem): boolean =>
  fileSystem.is !== 'unreported' && MAY_LACK_MODES.has(fileSystem.name);
