/** One change between two states of a record. */
export interface Difference {
  /** Field names from the outermost in, `['a', '0']`. */
  readonly path: readonly string[];
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The most changes that are listed. The page shows the whole data too. */
const MAX_DIFFERENCES = 200;

/** Returns what changed, field by field. Lists are compared item by item. */
export function differences(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  compare([], before, after, found);
  return found;
}

function compare(path: readonly string[], before: unknown, after: unknown, found: Difference[]): void {
  if (found.length >= MAX_DIFFERENCES || Object.is(before, after)) return;
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) {
    found.push({ path, change: 'changed', before, after });
    return;
  }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const inner = [...path, name];
    if (!Object.hasOwn(after, name)) found.push({ path: inner, change: 'removed', before: before[name] });
    else if (!Object.hasOwn(before, name)) found.push({ path: inner, change: 'added', after: after[name] });
    else compare(inner, before[name], after[name], found);
    if (found.length >= MAX_DIFFERENCES) return;
  }
}

const isContainer = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
