import { explainProblem, isOfContent, KIND_DIRECTORIES, type Kind, type Problem } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import { errorCode } from './files.js';
import type { Unavailable } from './record-reader.js';
import type { Warnings } from './warnings.js';

/** Warns of a record whose fields are not what its kind needs: which field, what was found, and what is right. */
export function warnOfContent(warnings: Warnings, { kind, id, data, problem }: RecordVersion): void {
  if (problem === undefined || !isOfContent(problem)) return;
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`${file} ${problem}`, { file, problem }, explainProblem(kind, id, data, problem));
}

/** Warns of a file that is not a record, once for each file and problem. */
export function warnOfProblem(warnings: Warnings, kind: Kind, id: string, problem: Problem): void {
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`${file} ${problem}`, { file, problem }, 'file cannot be read as a record');
}

/** Warns of files that cannot be read, once for each error code: a lack of descriptors affects every file. */
export function warnOfUnreadable(warnings: Warnings, { kind, id, error }: Unavailable): void {
  const code = errorCode(error);
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(
    `unreadable ${code}`,
    { file, code },
    'cannot read a file; it is read again later, as are others with this error',
  );
}
