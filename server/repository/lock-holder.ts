import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { ownProcess, stateOfProcess, type ProcessProof } from './process-proof.js';

/** The content of a lock file: who has the lock. */
export interface LockHolder extends ProcessProof {
  /** A random name of this one holding. Absent in files of earlier versions. */
  readonly claim?: string;
  /** The name of the machine or container. */
  readonly host?: string;
  /** A hash of the id that the system got when it was installed; absent if it has none. */
  readonly machine?: string;
  /** The last question that the holder has answered. */
  readonly answered?: string;
}

/** What this process is to those who share its files; a test replaces it to be another machine. */
export interface Host {
  /** Describes a holding by this process. */
  holder(): LockHolder;
  /** Whether the process of a holder that is visible from here lives, or may live. */
  mayLive(holder: LockHolder): boolean;
}

export const thisHost: Host = {
  holder: () => {
    const machine = machineId();
    return {
      ...ownProcess(),
      claim: randomBytes(8).toString('hex'),
      host: hostname(),
      ...(machine === undefined ? {} : { machine }),
    };
  },
  mayLive: (holder) => {
    const state = stateOfProcess(holder);
    return state === 'lives' || state === 'unproven';
  },
};

/**
 * Whether the kernel that this process runs on has seen the end of a holder, if its lock can be taken. Without a boot's id only the name
 * of the machine can tell.
 */
export function isOfSameKernel(one: LockHolder, other: LockHolder): boolean {
  if (one.boot_id !== undefined || other.boot_id !== undefined) return one.boot_id === other.boot_id;
  // A file of an earlier version names no machine.
  return one.host === undefined || other.host === undefined || one.host === other.host;
}

/**
 * Whether a holder ended with an earlier boot of this same machine: nobody is left to be asked. Two systems that were installed from one image
 * may share the id, so the name must be the same too.
 */
export const isOfEarlierBoot = (holder: LockHolder, own: LockHolder): boolean =>
  holder.machine !== undefined &&
  holder.machine === own.machine &&
  holder.host === own.host &&
  holder.boot_id !== undefined &&
  own.boot_id !== undefined &&
  holder.boot_id !== own.boot_id;

/** Whether a pid means the same process to both. */
export const seesSameProcesses = (one: LockHolder, other: LockHolder): boolean =>
  isOfSameKernel(one, other) &&
  (one.pid_namespace ?? other.pid_namespace) === (other.pid_namespace ?? one.pid_namespace);

/** What a lock file says. `unreadable`: it may be just being written. */
export type LockText = LockHolder | 'empty' | 'unreadable';

export function parseLock(text: string): LockText {
  if (text.trim() === '') return 'empty';
  try {
    const holder = JSON.parse(text) as Partial<LockHolder> | null;
    return typeof holder?.pid === 'number' ? (holder as LockHolder) : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** The id itself is not to be shown to other machines, so a hash of it is written. */
function machineId(): string | undefined {
  try {
    const id = readFileSync('/etc/machine-id', 'utf8').trim();
    return /^[0-9a-f]{32}$/.test(id)
      ? createHash('sha256').update(`muse-bus lock ${id}`).digest('hex').slice(0, 16)
      : undefined;
  } catch {
    return undefined;
  }
}
