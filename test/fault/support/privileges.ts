import { spawnSync } from 'node:child_process';

/** @returns why the machine does not permit it; `undefined` where it does. */
export type Refusal = string | undefined;

function tryOut(what: string, program: string, args: readonly string[]): Refusal {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `${what} is not permitted here: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}`;
}

/** Needs `CAP_SYS_PTRACE`, or a ptrace scope that lets a parent trace its children. */
export const canTrace = (): Refusal => tryOut('strace', 'strace', ['-o', '/dev/null', 'true']);

/** Needs `CAP_SYS_ADMIN`. */
export const canMount = (): Refusal => tryOut('mount', 'unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']);

/** Needs unprivileged user namespaces, or root. */
export const canUnshareUser = (): Refusal =>
  tryOut('a user namespace', 'unshare', ['-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_instances']);

export const hasPython = (): Refusal => tryOut('python3', '/usr/bin/python3', ['-c', 'pass']);
