import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULT_KINDS, type LifePlan } from './world/plan.js';
import { RELAY_FAULT_KINDS } from './world/relay-plan.js';

/** A life that has shown a fault; a test runs it again for ever. */
export interface KeptSeed {
  /** The fault that the life showed, in one line. */
  readonly shows: string;
  readonly plan: LifePlan;
}

/** The directory of the kept lives, relative to the root of the repository. */
export const SEEDS = 'test/simulation/seeds';

/** @returns the path of the file. */
export function keep(root: string, name: string, seed: KeptSeed): string {
  const path = join(root, SEEDS, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(seed, undefined, 2)}\n`);
  return path;
}

/** Returns all kept lives, by name. @throws Error for a file that is not a plan of this world */
export function keptSeeds(root: string): ReadonlyMap<string, KeptSeed> {
  const folder = join(root, SEEDS);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return new Map(names.sort().map((name) => [name.slice(0, -'.json'.length), read(join(folder, name))]));
}

function read(path: string): KeptSeed {
  const kept = JSON.parse(readFileSync(path, 'utf8')) as KeptSeed;
  const known: readonly string[] = [...FAULT_KINDS, ...RELAY_FAULT_KINDS];
  const faults = [...kept.plan.faults, ...(kept.plan.relay?.faults ?? [])];
  const unknown = faults.find(({ kind }) => !known.includes(kind));
  if (unknown) throw new Error(`${path}: no fault of the world is called '${unknown.kind}' (any more)`);
  if (kept.shows === '') throw new Error(`${path} does not say what it shows`);
  return kept;
}
