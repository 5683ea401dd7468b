import { epoch, revision, type Epoch, type Revision } from '../brand.js';

/** A position in the stream: the client has received everything up to and including `revision` of `epoch`. Written `epoch:revision`. */
export interface Cursor {
  readonly epoch: Epoch;
  readonly revision: Revision;
}

const CURSOR = /^([A-Za-z0-9_-]{1,64}):(0|[1-9][0-9]{0,15})$/;

export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}:${String(cursor.revision)}`;
}

/** @returns `undefined` if `text` is not a cursor. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const position = Number(match[2]);
  if (!Number.isSafeInteger(position)) return undefined;
  return { epoch: epoch(match[1]!), revision: revision(position) };
}
