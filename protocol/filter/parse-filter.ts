import { atMost, FILTER_LIMITS, quote, readFilter, refuse, type Filter, type FilterLimits } from './filter.js';
import { GlobError } from './glob-tree.js';
import { countWildcards, isGlob } from './glob-form.js';
import { readGlob } from './glob.js';

/**
 * Reads a filter that records will be matched with. Does what `readFilter` does, and also refuses globs whose cost cannot be bounded.
 * @throws ProtocolError `bad-option`, naming the field and what it accepts.
 */
export function parseFilter(input: unknown, limits: FilterLimits = FILTER_LIMITS): Filter {
  const filter = readFilter(input, limits);
  const globs = filter.addresses?.filter(isGlob) ?? [];
  atMost(limits, 'maxGlobs', globs.length, `filter.addresses has ${String(globs.length)} globs`);
  const cost = globs.reduce((sum, glob) => sum + costOf(glob, limits), 0);
  atMost(limits, 'maxFilterCost', cost, `filter.addresses: its globs take ${String(cost)} steps`);
  return filter;
}

function costOf(glob: string, limits: FilterLimits): number {
  const wildcards = countWildcards(glob);
  atMost(limits, 'maxGlobWildcards', wildcards, `filter.addresses: a glob has ${String(wildcards)} wildcards`);
  try {
    return readGlob(glob).cost;
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    return refuse(`filter.addresses: the glob ${quote(glob)} holds ${error.message}`);
  }
}
