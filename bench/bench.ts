import type { How } from './child.js';
import type { Report } from './report.js';

export interface BenchOptions {
  readonly rounds: number;
  /** Only rows whose name contains this. */
  readonly only: string;
  /** The directory for CPU profiles of the servers; `undefined` for none. */
  readonly profile: string | undefined;
  /** The compiled `bench/` whose servers are measured. @default this one */
  readonly build?: string;
  /** Prints progress on the terminal. */
  readonly note: (text: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<Report>;

/** Returns how a server's process is started. */
export function serverArgv({ profile, build }: BenchOptions): How {
  const argv = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`];
  return build === undefined ? { argv } : { argv, build };
}
