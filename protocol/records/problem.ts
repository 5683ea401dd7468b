/**
 * Why a file cannot be read as a record (the last good data stands meanwhile); from `bad-timestamp` on, what a record that was
 * read does not say, so that it holds or ends nothing; `unprocessable`: the server fails over it.
 */
export const PROBLEMS = [
  'invalid-json',
  'not-an-object',
  'unsafe-key',
  'too-deep',
  'too-large',
  'not-a-file',
  'link',
  'unreadable',
  'bad-timestamp',
  'no-expiry',
  'names-nothing',
  'unprocessable',
] as const;
export type Problem = (typeof PROBLEMS)[number];

/** Problems of records that were read, and do not say what their kind needs. */
const OF_CONTENT: readonly Problem[] = ['bad-timestamp', 'no-expiry', 'names-nothing'];

/** Whether a problem is one of what a record says, and not of the file that says it. */
export function isOfContent(problem: Problem): boolean {
  return OF_CONTENT.includes(problem);
}

/** Whether the file is there, and what it says now is unknown: then what it might hold counts as held. */
export function isUnknown(problem: Problem | undefined): boolean {
  return problem === 'unreadable' || problem === 'unprocessable';
}
