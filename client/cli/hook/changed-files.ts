/** For the path of each changed file, a signature that differs between its versions: time of change and size, or `gone`. */
export type Signatures = Readonly<Record<string, string>>;

export const STATUS = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all'] as const;
/** The most files that are remembered. More of them come from build products that git does not ignore. */
const MAX_CHANGED = 2_000;

/** Returns the paths in the output of `git status`, {@link MAX_CHANGED} at most. */
export function changedPaths(status: string): string[] {
  return status
    .split('\0')
    .filter((entry) => entry.length > 3)
    .map((entry) => entry.slice(3))
    .slice(0, MAX_CHANGED);
}

/** Returns the files whose signatures changed. A file that git no longer lists, as after a commit, is not among them. */
export function changedBetween(before: Signatures, now: Signatures): string[] {
  return Object.keys(now).filter((path) => before[path] !== now[path]);
}
