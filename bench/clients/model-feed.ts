import type { OpenFeed } from './feed.js';
import { readLines } from './line-reader.js';

/** The model of `muse coord watch`: a process that polls and prints NDJSON. */
export function modelFeed(script: string, pollSeconds: number): OpenFeed {
  return async (root, see) => {
    const line = (text: string): void => {
      const event = JSON.parse(text) as { event_type: string; id: string; data?: { seq?: number } };
      see({ id: event.id, isRemoved: event.event_type === 'removed', seq: event.data?.seq });
    };
    // The model does not report the end of its first scan. Every repository of the bench has a record whose line shows it.
    return readLines('python3', [script, root, '--poll-interval', String(pollSeconds)], line, {
      isReady: (text) => text.includes('"snapshot"'),
    });
  };
}
