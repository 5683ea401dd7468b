import type { BusClient } from '../../sdk/bus-client.js';
import type { WatchState } from '../../../protocol/index.js';
import type { BusStatus } from '../../sdk/status.js';
import type { Terminal } from './terminal.js';

/** A note in a stream of events that is not an event. For programs it is a line without `event_type`. */
export type StatusNote =
  | { readonly status: 'reconnecting'; readonly attempt: number; readonly delay_ms: number; readonly cause: string }
  | { readonly status: 'connected'; readonly clock_skew_ms: number }
  /** At an edge: its origin, the server with the files, was lost or is back. */
  | { readonly status: 'origin'; readonly origin: 'present' | 'away' }
  /** The server cannot see all files or its repository, or sees all of them again. */
  | { readonly status: 'watch'; readonly state: WatchState; readonly why?: string }
  /** The whole state follows. Forget records that are not in it. */
  | { readonly status: 'resync'; readonly reason: string }
  /** After a resync: the state is complete, and changes follow. */
  | { readonly status: 'synced'; readonly cursor: string };

/** Writes a line of JSON to stdout for programs, or a note to stderr for people. */
export function writeNote(note: StatusNote, format: 'text' | 'json', terminal: Terminal): void {
  if (format === 'json') {
    terminal.json(note);
    return;
  }
  switch (note.status) {
    case 'reconnecting':
      terminal.err(`connection lost (${note.cause}): attempt ${String(note.attempt)} in ${String(note.delay_ms)} ms`);
      return;
    case 'connected':
      terminal.err('connected again');
      return;
    case 'origin':
      terminal.err(
        note.origin === 'away'
          ? 'the edge has lost its origin: no changes until it is back'
          : 'the origin of the edge is back',
      );
      return;
    case 'watch':
      terminal.err(watchText(note.state, note.why ?? ''));
      return;
    case 'resync':
      terminal.err(`history was lost (${note.reason}): the whole state follows`);
      return;
    case 'synced':
      return;
  }
}

function watchText(state: WatchState, why: string): string {
  switch (state) {
    case 'watching':
      return 'all files can be seen again';
    case 'suspect':
      return `not all files can be seen: ${why}; the state may be outdated`;
    case 'gone':
      return `the repository is gone: ${why}; the state may be outdated`;
  }
}

/** Reports from now on when the connection is lost or back. @returns a function that stops the reports. */
export function reportConnection(client: BusClient, report: (note: StatusNote) => void): () => void {
  let isAway = false;
  let origin: 'present' | 'away' = 'present';
  let watch: WatchState = 'watching';
  return client.watchStatus((status: BusStatus) => {
    switch (status.state) {
      case 'connecting':
        isAway = true;
        report({
          status: 'reconnecting',
          attempt: status.attempt,
          delay_ms: status.delayMs,
          cause: status.cause ?? 'the connection broke',
        });
        return;
      case 'live':
        if (isAway) report({ status: 'connected', clock_skew_ms: status.clockSkewMs });
        isAway = false;
        if ((status.health?.state ?? watch) !== watch) {
          const { state, why } = status.health!;
          watch = state!;
          report({ status: 'watch', state: watch, ...(why === undefined ? {} : { why }) });
        }
        if ((status.health?.origin ?? origin) === origin) return;
        origin = status.health!.origin!;
        report({ status: 'origin', origin });
        return;
      case 'stale':
      case 'closed':
        return;
    }
  });
}
