import { readFileSync } from 'node:fs';
import { bootId } from './boot.js';
import { currentUser } from './owner.js';

/** Which process it is: a pid alone is given away again. */
export interface ProcessProof {
  readonly pid: number;
  /** Of the user who runs it; absent on Windows. */
  readonly uid?: number;
  /** The boot of the machine; absent where the platform does not say. */
  readonly boot_id?: string;
  /** When it was started, in the kernel's ticks since that boot; absent where the platform does not say. */
  readonly process_started?: string;
}

/** `unproven`: the platform cannot tell that process from a later one with its pid. */
export type ProcessState = 'lives' | 'gone' | 'another' | 'unproven';

/** Of this process. */
export function ownProcess(): ProcessProof {
  const uid = currentUser();
  const boot = bootId();
  const started = startOf(process.pid);
  return {
    pid: process.pid,
    ...(uid === undefined ? {} : { uid }),
    ...(boot === undefined ? {} : { boot_id: boot }),
    ...(started === undefined ? {} : { process_started: started }),
  };
}

/** Whether a process lives, is this user's and the one that was meant. */
export function stateOfProcess({ pid, uid, boot_id, process_started }: ProcessProof): ProcessState {
  const boot = bootId();
  if (boot !== undefined && boot_id !== undefined && boot_id !== boot) return 'gone';
  if (!isAlive(pid)) return 'gone';
  const started = startOf(pid);
  if (started === undefined || boot === undefined) return 'unproven';
  if (boot_id === undefined || process_started === undefined || process_started !== started) return 'another';
  return uid === currentUser() && uidOf(pid) === uid ? 'lives' : 'another';
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The 22nd field of `/proc/PID/stat`; the second may hold spaces and parentheses. */
function startOf(pid: number): string | undefined {
  const text = procFile(pid, 'stat');
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function uidOf(pid: number): number | undefined {
  const [, uid] = /^Uid:\s+(\d+)/m.exec(procFile(pid, 'status') ?? '') ?? [];
  return uid === undefined ? undefined : Number(uid);
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
