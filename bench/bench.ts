import type { Report } from './report.js';

export interface BenchOptions {
  readonly rounds: number;
  /** Only rows whose name contains this. */
  readonly only: string;
  /** Where to put CPU profiles of the servers; none where `undefined`. */
  readonly profile: string | undefined;
  /** Says on the terminal what is going on. */
  readonly note: (text: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<Report>;

/** Node options for a server's process. */
export function serverArgv({ profile }: BenchOptions): string[] {
  return profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`];
}
