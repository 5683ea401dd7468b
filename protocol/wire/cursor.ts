import { epoch, revision, type Epoch, type Revision } from '../brand.js';

/** A position in the stream: everything up to and with `revision` of `epoch` has been seen. Written `epoch:revision`. */
export interface Cursor {
  readonly epoch: Epoch;
  readonly revision: Revision;
}

const CURSOR = /^([A-Za-z0-9_-]{1,64}):(0|[1-9][0-9]{0,15})$/;

export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}:${String(cursor.revision)}`;
}

/** @returns `undefined` where `text` is no cursor. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const position = Number(match[2]);
  if (!Number.isSafeInteger(position)) return undefined;
  return { epoch: epoch(match[1]!), revision: revision(position) };
}
