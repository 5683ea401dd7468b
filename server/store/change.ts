import type { Kind, Problem, RecordData } from '../../protocol/index.js';

/** What tells one state of a file from another without reading it. */
export interface Signature {
  readonly inode: number;
  readonly mtimeNs: bigint;
  readonly size: number;
}

/** What a reading of a file says about its record. */
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
      /** Where the file could at least be looked at. */
      readonly signature: Signature | undefined;
    };

/** A file that is no record as it is, or cannot be read. */
export type Broken = Extract<Change, { readonly is: 'broken' }>;

export function sameSignature(a: Signature | undefined, b: Signature | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.mtimeNs === b.mtimeNs && a.size === b.size && a.inode === b.inode;
}
