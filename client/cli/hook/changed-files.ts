/** A file that is not as git has it, and what tells its versions apart. */
export type Signatures = Readonly<Record<string, string>>;

export const STATUS = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all'] as const;
/** More are not remembered: a directory of build products that git does not ignore. */
export const MAX_CHANGED = 2_000;

/** The paths in what `git status` prints. */
export function changedPaths(status: string): string[] {
  return status
    .split('\0')
    .filter((entry) => entry.length > 3)
    .map((entry) => entry.slice(3))
    .slice(0, MAX_CHANGED);
}

/** The files that have changed from one look to the next. A file that is again as git has it, as after a commit, is none of them. */
export function changedBetween(before: Signatures, now: Signatures): string[] {
  return Object.keys(now).filter((path) => before[path] !== now[path]);
}
