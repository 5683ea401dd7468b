import type { Stats } from 'node:fs';

const GROUP_WRITABLE = 0o020;
const OTHERS_WRITABLE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;

type Owned = Pick<Stats, 'uid' | 'gid' | 'mode'>;

/** The user in whose name this process acts, and to whom its files belong; `undefined` on Windows, which keeps ownership elsewhere. */
export const currentUser = (): number | undefined => process.geteuid?.();

/** Whether something belongs to the user who runs this process. */
export function isOwn({ uid }: Pick<Stats, 'uid'>): boolean {
  const user = currentUser();
  return user === undefined || uid === user;
}

/** Whether it belongs to whoever ran `sudo`, where this process has become root that way. */
export function isSudoUser({ uid }: Pick<Stats, 'uid'>, env: NodeJS.ProcessEnv = process.env): boolean {
  return currentUser() === ROOT && env['SUDO_UID'] === String(uid);
}

/** @returns why somebody else could change what is in a directory that leads to private state; `undefined` where nobody can. */
export function ancestorFault(directory: Owned): string | undefined {
  const user = currentUser();
  if (user === undefined) return undefined;
  const { uid, gid, mode } = directory;
  if (uid !== user && uid !== ROOT && !isSudoUser(directory)) return `belongs to user ${String(uid)}`;
  if ((mode & STICKY) !== 0) return undefined;
  if ((mode & OTHERS_WRITABLE) !== 0) return 'can be written to by everybody';
  // A group of one's own, as most systems give each user, is nobody else.
  const isOwnGroup = gid === ROOT || gid === process.getgid!();
  return (mode & GROUP_WRITABLE) !== 0 && !isOwnGroup ? `can be written to by group ${String(gid)}` : undefined;
}

export const isWritableByOthers = ({ mode }: Pick<Stats, 'mode'>): boolean =>
  currentUser() !== undefined && (mode & (GROUP_WRITABLE | OTHERS_WRITABLE)) !== 0;
