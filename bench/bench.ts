import type { How } from './child.js';
import type { Report } from './report.js';

export interface BenchOptions {
  readonly rounds: number;
  /** Only rows whose name contains this. */
  readonly only: string;
  /** Where to put CPU profiles of the servers; none where `undefined`. */
  readonly profile: string | undefined;
  /** The compiled `bench/` whose servers are measured. @default our own */
  readonly build?: string;
  /** Says on the terminal what is going on. */
  readonly note: (text: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<Report>;

/** How a server's process is started. */
export function serverArgv({ profile, build }: BenchOptions): How {
  const argv = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`];
  return build === undefined ? { argv } : { argv, build };
}
