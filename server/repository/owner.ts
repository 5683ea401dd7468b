import type { Stats } from 'node:fs';

const GROUP_WRITABLE = 0o020;
const OTHERS_WRITABLE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;

type Owned = Pick<Stats, 'uid' | 'gid' | 'mode'>;

/** The effective user of this process, who owns the files it makes; `undefined` on Windows, which keeps ownership elsewhere. */
export const currentUser = (): number | undefined => process.geteuid?.();

/** Whether a file belongs to the user who runs this process; always true on Windows. */
export function isOwn({ uid }: Pick<Stats, 'uid'>): boolean {
  const user = currentUser();
  return user === undefined || uid === user;
}

/** Whether a file belongs to the user who ran `sudo`, if this process runs as root by `sudo`. */
export function isSudoUser({ uid }: Pick<Stats, 'uid'>, env: NodeJS.ProcessEnv = process.env): boolean {
  return currentUser() === ROOT && env['SUDO_UID'] === String(uid);
}

/** @returns why other users could replace an entry of a directory above private state; `undefined` if they cannot. */
export function ancestorFault(directory: Owned): string | undefined {
  const user = currentUser();
  if (user === undefined) return undefined;
  const { uid, gid, mode } = directory;
  if (uid !== user && uid !== ROOT && !isSudoUser(directory)) return `belongs to user ${String(uid)}`;
  if ((mode & STICKY) !== 0) return undefined;
  if ((mode & OTHERS_WRITABLE) !== 0) return 'can be written to by everybody';
  // Most systems give each user a group of their own, which has no other members.
  const isOwnGroup = gid === ROOT || gid === process.getgid!();
  return (mode & GROUP_WRITABLE) !== 0 && !isOwnGroup ? `can be written to by group ${String(gid)}` : undefined;
}

export const isWritableByOthers = ({ mode }: Pick<Stats, 'mode'>): boolean =>
  currentUser() !== undefined && (mode & (GROUP_WRITABLE | OTHERS_WRITABLE)) !== 0;
