import { readFileSync, readlinkSync } from 'node:fs';
import { bootId } from './boot.js';
import { currentUser } from './owner.js';

/** Identifies a process. A pid alone is not enough, because the system uses it again. */
export interface ProcessProof {
  readonly pid: number;
  /** The id of the user who runs it; absent on Windows. */
  readonly uid?: number;
  /** The id of the boot of the machine; absent if the platform has none. */
  readonly boot_id?: string;
  /** When it was started, in the kernel's ticks since that boot; absent if the platform does not tell. */
  readonly process_started?: string;
  /** The kernel's name for the set of processes that the pid belongs to, as a container has its own; absent if the platform has one set. */
  readonly pid_namespace?: string;
}

/**
 * The state of an identified process. `unproven`: the platform cannot tell the process from a later one with its pid. `elsewhere`: it is of
 * another boot or another set of processes, so that its pid says nothing here.
 */
export type ProcessState = 'lives' | 'gone' | 'another' | 'unproven' | 'elsewhere';

/** Returns the proof of this process. */
export function ownProcess(): ProcessProof {
  const uid = currentUser();
  const boot = bootId();
  const started = startOf(process.pid);
  const namespace = pidNamespace();
  return {
    pid: process.pid,
    ...(uid === undefined ? {} : { uid }),
    ...(boot === undefined ? {} : { boot_id: boot }),
    ...(started === undefined ? {} : { process_started: started }),
    ...(namespace === undefined ? {} : { pid_namespace: namespace }),
  };
}

/** Finds out whether a process runs, belongs to this user, and is the one that the proof identifies. */
export function stateOfProcess({ pid, uid, boot_id, process_started, pid_namespace }: ProcessProof): ProcessState {
  const boot = bootId();
  const namespace = pidNamespace();
  if (boot !== undefined && boot_id !== undefined && boot_id !== boot) return 'elsewhere';
  if (namespace !== undefined && pid_namespace !== undefined && pid_namespace !== namespace) return 'elsewhere';
  if (!isAlive(pid)) return 'gone';
  const started = startOf(pid);
  if (started === undefined || boot === undefined) return 'unproven';
  if (boot_id === undefined || process_started === undefined || process_started !== started) return 'another';
  return uid === currentUser() && uidOf(pid) === uid ? 'lives' : 'another';
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Reads the 22nd field of `/proc/PID/stat`. The second field may contain spaces and parentheses. */
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
