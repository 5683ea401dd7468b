import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The two processes that wait for each other. Whoever else takes part goes where the scheduler likes. */
export type Part = 'client' | 'server';

const CORES: Readonly<Record<Part, number>> = { client: 0, server: 1 };

/**
 * Gives a server's main thread a core, and everything else of the two processes another. The scheduler would put them on one
 * core or on two as it sees fit, differently each round; on a virtual machine waking another core can cost more than all
 * that is measured, so that it would be the scheduler that is compared.
 * Does nothing where there is one core, or no `taskset` of util-linux.
 */
export function pinToOwnCore(pid: number, part: Part): void {
  if (availableParallelism() < 2) return;
  const taskset = (...args: string[]) => execFileSync('taskset', [...args, String(pid)], { stdio: 'ignore' });
  try {
    taskset('-a', '-c', '-p', String(CORES.client));
    taskset('-c', '-p', String(CORES[part]));
  } catch {
    // Then it is measured where the scheduler puts it.
  }
}
