import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { roundsOf, type Outcome, type Side } from './rounds.js';
import { percentile } from './statistics.js';

/** The built command, as people and harnesses start it: `npm run build` comes first. */
export const MUSE_BUS = fileURLToPath(new URL('../../dist/client/cli/main.cjs', import.meta.url));
export const STARTS_PER_ROUND = 40;
/** The least that Node can do. */
export const BARE = 'node -e 0';

export const bareSide = (cwd: string): Side<readonly number[]> => ({
  name: BARE,
  run: () => Promise.resolve(timesOf(['-e', '0'], cwd)),
});

/** Starts a program several times, one after another. @returns how long each ran, ms. @throws Error if one fails. */
export function timesOf(args: readonly string[], cwd: string, input = ''): readonly number[] {
  return Array.from({ length: STARTS_PER_ROUND }, () => {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd, input, encoding: 'utf8' });
    const ms = performance.now() - began;
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`);
    return ms;
  });
}

/** Returns the percentiles of the times of a side, all rounds together. */
export const percentilesOf =
  (outcome: ReadonlyMap<string, Outcome<readonly number[]>>) =>
  (name: string, share: number): number =>
    percentile(roundsOf(outcome, name).flat(), share);
