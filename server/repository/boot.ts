import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Which boot of the machine this is: what one process wrote to a file, another reads back for as long as that lasts.
 * @returns `undefined` where the platform does not say.
 */
export function bootId(): string | undefined {
  known ??= { id: askBootId() };
  return known.id;
}

/** It stays what it is for as long as this process can ask. */
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
