import t from 'tap';
import type { BusClient, BusStatus } from '../../../client/sdk/index.js';
import { reportConnection, type StatusNote } from '../../../client/cli/terminal/status-notes.js';

/** The notes about a client that goes through these states. */
function notesOf(statuses: readonly BusStatus[]): StatusNote[] {
  const notes: StatusNote[] = [];
  const client: Pick<BusClient, 'watchStatus'> = {
    watchStatus: (watcher) => {
      statuses.forEach(watcher);
      return () => undefined;
    },
  };
  reportConnection(client as BusClient, (note) => notes.push(note));
  return notes;
}

const live = (origin?: 'present' | 'away'): BusStatus => {
  const health = { backend: 'inotify', healthy: origin !== 'away', last_scan_ms: 0, ...(origin ? { origin } : {}) };
  return { state: 'live', roundTripMs: 0, clockSkewMs: 3, health };
};

t.test('at an edge one note says that the origin is away, and another that it is back', async (t) => {
  const statuses = [live('present'), live('away'), live('away'), live('present'), live('present')];
  t.strictSame(notesOf(statuses), [
    { status: 'origin', origin: 'away' },
    { status: 'origin', origin: 'present' },
  ]);
});

t.test('a server with the files has no origin, and there are no notes about one', async (t) => {
  t.strictSame(notesOf([live(), live()]), []);
});

t.test('a lost connection and its return are noted', async (t) => {
  const statuses: BusStatus[] = [live(), { state: 'connecting', attempt: 1, delayMs: 20, cause: 'gone' }, live()];
  t.strictSame(notesOf(statuses), [
    { status: 'reconnecting', attempt: 1, delay_ms: 20, cause: 'gone' },
    { status: 'connected', clock_skew_ms: 3 },
  ]);
});
