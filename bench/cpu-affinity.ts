import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The two processes that wait for each other. The scheduler places all others. */
export type Part = 'client' | 'server';

const CORES: Readonly<Record<Part, number>> = { client: 0, server: 1 };

/**
 * Gives a server's main thread one core, and all other threads of the two processes another. The scheduler would put them on one core or on
 * two, differently each round. On a virtual machine, to wake another core can cost more than everything that is measured, so the benchmark
 * would compare the scheduler.
 * Does nothing if there is only one core, or no `taskset` of util-linux.
 */
export function pinToOwnCore(pid: number, part: Part): void {
  if (availableParallelism() < 2) return;
  const taskset = (...args: string[]) => execFileSync('taskset', [...args, String(pid)], { stdio: 'ignore' });
  try {
    taskset('-a', '-c', '-p', String(CORES.client));
    taskset('-c', '-p', String(CORES[part]));
  } catch {
    // Without `taskset` the process is measured where the scheduler puts it.
  }
}
