import type { Kind, Problem, RecordData } from '../../protocol/index.js';

/** Properties of a file that differ between its states, and can be compared without reading it. */
export interface Signature {
  readonly inode: number;
  readonly mtimeNs: bigint;
  readonly size: number;
  /** When its status last changed (ctime): no program can set it back. Absent if the record is of no file. */
  readonly changedNs?: bigint | undefined;
}

/** What a reading found: the record is present, absent or broken. */
export type Change =
  | {
      readonly is: 'present';
      readonly kind: Kind;
      readonly id: string;
      readonly signature: Signature;
      readonly data: RecordData;
    }
  | { readonly is: 'absent'; readonly kind: Kind; readonly id: string }
  | {
      readonly is: 'broken';
      readonly kind: Kind;
      readonly id: string;
      readonly problem: Problem;
      /** `undefined` if the file's status could not be read either. */
      readonly signature: Signature | undefined;
    };

/** The change for a file that is not a record as it is, or cannot be read. */
export type Broken = Extract<Change, { readonly is: 'broken' }>;

export function sameSignature(a: Signature | undefined, b: Signature | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.mtimeNs === b.mtimeNs && a.size === b.size && a.inode === b.inode && a.changedNs === b.changedNs;
}
