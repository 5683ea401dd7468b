import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Returns the id of this boot of the machine. During one boot, a process can read what another has written, even without a
 * flush.
 * @returns `undefined` if the platform has none.
 */
export function bootId(): string | undefined {
  known ??= { id: askBootId() };
  return known.id;
}

/** Kept, because the boot cannot change while this process runs. */
let known: { readonly id: string | undefined } | undefined;

function askBootId(): string | undefined {
  try {
    switch (process.platform) {
      case 'linux':
      case 'android':
        return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      case 'darwin':
        return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
