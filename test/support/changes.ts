import { unixMillis, type Kind, type Problem, type RecordData } from '../../protocol/index.js';
import type { Change, Signature } from '../../server/store/change.js';

let inode = 1;

/** A signature that no other file has. */
export function newSignature(): Signature {
  const mtimeNs = BigInt(++inode) * 1_000_000n;
  return { inode, mtimeNs, size: 100, changedNs: mtimeNs + 1n };
}

/** The change that a reading finds for a file with new content. */
export function present(kind: Kind, id: string, data: object = {}, signature: Signature = newSignature()): Change {
  return { is: 'present', kind, id, signature, data: data as RecordData };
}

export function absent(kind: Kind, id: string): Change {
  return { is: 'absent', kind, id };
}

export function broken(kind: Kind, id: string, problem: Problem = 'invalid-json'): Change {
  return { is: 'broken', kind, id, problem, signature: newSignature() };
}

/** An arbitrary moment, where the time does not matter: 2026-03-30T15:00:00Z. */
export const NOW = unixMillis(Date.UTC(2026, 2, 30, 15));
