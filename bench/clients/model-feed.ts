import type { OpenFeed } from './feed.js';
import { readLines } from './line-reader.js';

/** The model of the original: a process that polls and prints NDJSON. */
export function modelFeed(script: string, pollSeconds: number): OpenFeed {
  return async (root, see) => {
    const line = (text: string): void => {
      const event = JSON.parse(text) as { event_type: string; id: string; data?: { seq?: number } };
      see({ id: event.id, isRemoved: event.event_type === 'removed', seq: event.data?.seq });
    };
    // Nothing says when its first scan is done; the line of the record that every repository of the bench has does.
    return readLines('python3', [script, root, '--poll-interval', String(pollSeconds)], line, {
      isReady: (text) => text.includes('"snapshot"'),
    });
  };
}
