import { readFileSync } from 'node:fs';

/** What the kernel counts a second in. */
const TICKS_PER_SECOND = 100;

/** CPU time of any process so far, seconds, in steps of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  // The command's name may hold spaces; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How often a process has gone to sleep and been woken, all threads together. */
export function wakeupsOf(pid: number, threads: readonly string[]): number {
  return threads.reduce(
    (sum, thread) => sum + statusField(`${String(pid)}/task/${thread}`, 'voluntary_ctxt_switches'),
    0,
  );
}

/** Resident memory, bytes. */
export function residentBytesOf(pid: number): number {
  return statusField(String(pid), 'VmRSS') * 1_024;
}

/** The same without the files that are mapped, such as the journal's: those pages are the kernel's to take back. */
export function ownBytesOf(pid: number): number {
  return residentBytesOf(pid) - statusField(String(pid), 'RssFile') * 1_024;
}

function statusField(place: string, name: string): number {
  const status = readFileSync(`/proc/${place}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
}
