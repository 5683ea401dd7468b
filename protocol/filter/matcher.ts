import type { EventType } from '../wire/event.js';
import type { Filter } from './filter.js';
import { globTextOf, readGlob } from './glob.js';
import { isGlob } from './glob-form.js';
import { matchesSome } from './glob-match.js';
import type { GlobNode } from './glob-tree.js';
import type { Followed } from '../records/followed-fields.js';
import type { Kind } from '../records/kinds.js';
import type { RecordData } from '../records/record.js';
import { addressTexts, branchText, runText } from '../swarm/fields.js';

/** The fields of a record that filters look at, taken out of its data once. */
export interface Matchable {
  readonly kind: Kind;
  readonly id: string;
  /** `data.run_id`, if it is a string or a number (then its digits); else the run of the reservation that the record names. */
  readonly runId: string | undefined;
  /** `data.branch`, if it is a string or a number (then its digits); else the branch of the reservation that the record names. */
  readonly branch: string | undefined;
  /** What names an address in `data.addresses`: the texts that `/holders` and all others read there. */
  readonly addresses: readonly string[];
}

/**
 * Takes out of a record what filters look at.
 * @param followed the run and branch of the reservation that the record names, used if the record does not say them itself.
 */
export function matchable(kind: Kind, id: string, data: RecordData, followed?: Followed): Matchable {
  const { run_id, branch } = data;
  return {
    kind,
    id,
    runId: runText(data) ?? followed?.runId ?? textIn(run_id),
    branch: branchText(data) ?? followed?.branch ?? textIn(branch),
    addresses: addressTexts(data),
  };
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A field of a filter that is matched against a record; an explanation lists these. */
export type RecordField = Exclude<keyof Filter, 'event_types'>;

/** A filter, compiled to be matched with many records. */
export interface Matcher {
  /** The steps that matching takes for every 32 characters of addresses; 0 if the filter has no globs. */
  readonly cost: number;
  /** Whether the record matches every field but `event_types`, which {@link wants} checks for each event. */
  matches(record: Matchable): boolean;
  /** Whether the filter wants events of this type. */
  wants(type: EventType): boolean;
  /** Returns the fields that the record does not match. */
  failing(record: Matchable): RecordField[];
}

type Test = (record: Matchable) => boolean;

/** Runs for each event and each filter that may want it. So it uses plain loops, without a closure for each address. */
function addressTest(patterns: readonly string[]): Test {
  const exact = new Set(patterns);
  const plain: ((text: string) => boolean)[] = [];
  const trees: GlobNode[] = [];
  for (const pattern of patterns.filter(isGlob)) {
    const glob = readGlob(pattern);
    if (glob.is === 'tree') {
      trees.push(glob.tree);
      continue;
    }
    exact.delete(pattern);
    plain.push(glob.matches);
  }
  return ({ addresses }) => {
    for (const address of addresses) {
      if (exact.size > 0 && exact.has(address)) return true;
      for (const glob of plain) if (glob(address)) return true;
    }
    if (trees.length === 0 || addresses.length === 0) return false;
    const text = globTextOf(addresses);
    for (const tree of trees) if (matchesSome(tree, text)) return true;
    return false;
  };
}

/** One value is compared; several are looked up in a set. */
const oneOf = <T>(values: readonly T[]): ((value: T) => boolean) => {
  if (values.length === 1) {
    const only = values[0];
    return (value) => value === only;
  }
  const set = new Set(values);
  return (value) => set.has(value);
};

const ALL_TYPES = (): boolean => true;
const ALL_RECORDS: Test = () => true;

/** Most filters have one field or two; those need no loop. */
function every(tests: readonly Test[]): Test {
  const [first = ALL_RECORDS, second] = tests;
  if (second === undefined) return first;
  if (tests.length === 2) return (record) => first(record) && second(record);
  return (record) => tests.every((test) => test(record));
}

/** Most filters have one value in a field; it is compared directly. */
function fieldTest<T>(values: readonly T[], of: (record: Matchable) => T | undefined): Test {
  if (values.length === 1) {
    const only = values[0];
    return (record) => of(record) === only;
  }
  const set = new Set<T | undefined>(values);
  return (record) => set.has(of(record));
}

const idOf = ({ id }: Matchable): string => id;
const runOf = ({ runId }: Matchable): string | undefined => runId;
const branchOf = ({ branch }: Matchable): string | undefined => branch;
const kindOf = ({ kind }: Matchable): Kind => kind;

/** Returns the test for each field of a filter. */
function testsOf({ kinds, run_ids, branches, ids, addresses }: Filter): [RecordField, Test][] {
  const tests: [RecordField, Test][] = [];
  if (ids) tests.push(['ids', fieldTest(ids, idOf)]);
  if (run_ids) tests.push(['run_ids', fieldTest(run_ids, runOf)]);
  if (branches) tests.push(['branches', fieldTest(branches, branchOf)]);
  if (kinds) tests.push(['kinds', fieldTest(kinds, kindOf)]);
  if (addresses) tests.push(['addresses', addressTest(addresses)]);
  return tests;
}

/** Returns the steps that a filter's globs take for every 32 characters of addresses. @param filter as `parseFilter` returns it. */
export function filterCost({ addresses = [] }: Filter): number {
  return addresses.reduce((sum, address) => sum + (isGlob(address) ? readGlob(address).cost : 0), 0);
}

/** Compiles a filter. @param filter as `parseFilter` returns it. */
export function compileFilter(filter: Filter): Matcher {
  return new CompiledFilter(filter);
}

class CompiledFilter implements Matcher {
  readonly cost: number;
  readonly matches: Test;
  readonly wants: (type: EventType) => boolean;

  constructor(private readonly filter: Filter) {
    this.matches = every(testsOf(filter).map(([, test]) => test));
    this.cost = filterCost(filter);
    this.wants = filter.event_types ? oneOf(filter.event_types) : ALL_TYPES;
  }

  // Compiled only when called, because calls are rare and many thousands of subscriptions each hold a filter.
  failing(record: Matchable): RecordField[] {
    return testsOf(this.filter)
      .filter(([, test]) => !test(record))
      .map(([field]) => field);
  }
}
