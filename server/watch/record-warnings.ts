import { explainProblem, isOfContent, KIND_DIRECTORIES, type Kind, type Problem } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import { errorCode } from './files.js';
import type { Unavailable } from './record-reader.js';
import type { Warnings } from './warnings.js';

/** A record that was read, and does not say what its kind needs: which field, what was found, and what is right. */
export function warnOfContent(warnings: Warnings, { kind, id, data, problem }: RecordVersion): void {
  if (problem === undefined || !isOfContent(problem)) return;
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`${file} ${problem}`, { file, problem }, explainProblem(kind, id, data, problem));
}

/** Once for each file and problem. */
export function warnOfProblem(warnings: Warnings, kind: Kind, id: string, problem: Problem): void {
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`${file} ${problem}`, { file, problem }, 'file cannot be read as a record');
}

/** Once for all files that the same is amiss with: a machine without descriptors says it of each of them. */
export function sayUnreadable(warnings: Warnings, { kind, id, error }: Unavailable): void {
  const code = errorCode(error);
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`unreadable ${code}`, { file, code }, 'cannot read a file; it is tried again, and others like it');
}
