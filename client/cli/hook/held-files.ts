import { parseAddress, type RunSituation } from '../../../protocol/index.js';
import { changedBetween, type Signatures } from './changed-files.js';

/** The most files that are looked at: a call of the hook must stay short. */
const MAX_HELD = 200;

/** Returns the paths of the files that a run's leases name. A lease on a directory or a pattern names none. */
export function heldFiles({ leases }: RunSituation): string[] {
  const paths = new Set<string>();
  for (const { state, addresses } of leases) {
    if (state === 'lapsed') continue;
    for (const text of addresses) {
      const parsed = parseAddress(text);
      if (!parsed.ok || parsed.address.kind === 'directory' || parsed.address.kind === 'pattern') continue;
      const names = parsed.address.steps.filter((step) => step.startsWith('/'));
      paths.add(names.join('').slice(1));
    }
  }
  return [...paths].slice(0, MAX_HELD);
}

/**
 * Returns the held files that were changed between two calls of a session.
 * @param own the files that the session itself may have changed since the last call; `all` after a shell command.
 */
export function changedByOthers(before: Signatures, now: Signatures, own: 'all' | ReadonlySet<string>): string[] {
  if (own === 'all') return [];
  return changedBetween(before, now).filter((path) => path in before && !own.has(path));
}
