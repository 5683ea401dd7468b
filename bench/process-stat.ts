import { readFileSync } from 'node:fs';

/** The kernel counts CPU time in ticks, this many per second. */
const TICKS_PER_SECOND = 100;

/** Returns the CPU time of a process so far, seconds, in steps of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  // The command's name may contain spaces, so fields are counted after its closing parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Returns how often a process has slept and been woken, all threads together. */
export function wakeupsOf(pid: number, threads: readonly string[]): number {
  return threads.reduce(
    (sum, thread) => sum + statusField(`${String(pid)}/task/${thread}`, 'voluntary_ctxt_switches'),
    0,
  );
}

/** Returns the resident memory of a process, bytes. */
export function residentBytesOf(pid: number): number {
  return statusField(String(pid), 'VmRSS') * 1_024;
}

/** Returns the same without mapped files, such as the journal's, whose pages the kernel can take back. */
export function ownBytesOf(pid: number): number {
  return residentBytesOf(pid) - statusField(String(pid), 'RssFile') * 1_024;
}

function statusField(place: string, name: string): number {
  const status = readFileSync(`/proc/${place}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
}
