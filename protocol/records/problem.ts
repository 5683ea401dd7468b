/**
 * What is wrong with a record. Up to `unreadable`: the bus does not read the file as a record, and the last good data stays current.
 * `bad-timestamp`, `no-expiry` and `names-nothing`: the record was read, but lacks what its kind needs, so it holds or ends nothing.
 * `unprocessable`: the server fails when it handles the record.
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

/** Problems of records that were read but lack what their kind needs. */
const OF_CONTENT: readonly Problem[] = ['bad-timestamp', 'no-expiry', 'names-nothing'];

/** Whether a problem is in what the record says, and not in the file. */
export function isOfContent(problem: Problem): boolean {
  return OF_CONTENT.includes(problem);
}

/** Files that exist and that the bus does not read: what they say may be valid, and Muse may read it. */
const UNREAD: readonly Problem[] = ['unsafe-key', 'too-deep', 'too-large', 'link', 'unreadable', 'unprocessable'];

/** Whether the file exists but its present content is unknown. What the record might hold then counts as held. */
export function isUnknown(problem: Problem | undefined): boolean {
  return problem !== undefined && UNREAD.includes(problem);
}
