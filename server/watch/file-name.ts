import { recordIdFault } from '../../protocol/index.js';

const SUFFIX = '.json';

/** What a file's name is: the id of a record, or the reason why it is not one. */
export type FileNameReading =
  | { readonly is: 'record'; readonly id: string }
  /** A temporary or hidden file, or one with another extension: not a record. */
  | { readonly is: 'other' }
  /** A name that a record may not have; it causes a warning. */
  | { readonly is: 'refused'; readonly why: 'too-long' | 'unprintable' | 'backslash' };

export function readFileName(name: string, maxIdBytes: number): FileNameReading {
  if (!name.endsWith(SUFFIX)) return { is: 'other' };
  const id = name.slice(0, -SUFFIX.length);
  const fault = recordIdFault(id, maxIdBytes);
  switch (fault) {
    case undefined:
      return { is: 'record', id };
    case 'empty':
    case 'hidden':
      return { is: 'other' };
    case 'path':
      // The system lets no name have a slash.
      return { is: 'refused', why: 'backslash' };
    case 'unprintable':
    case 'too-long':
      return { is: 'refused', why: fault };
  }
}
