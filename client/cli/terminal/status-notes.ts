import type { BusClient } from '../../sdk/bus-client.js';
import type { WatchState } from '../../../protocol/index.js';
import type { BusStatus } from '../../sdk/status.js';
import type { Terminal } from './terminal.js';

/** What a stream of events says beside events; for programs a line of its own without `event_type`. */
export type StatusNote =
  | { readonly status: 'reconnecting'; readonly attempt: number; readonly delay_ms: number; readonly cause: string }
  | { readonly status: 'connected'; readonly clock_skew_ms: number }
  /** At an edge: the server that has the files is not heard of, or is heard of again. */
  | { readonly status: 'origin'; readonly origin: 'present' | 'away' }
  /** Not all of the files can be seen, or no repository is there any more; or all can be seen again. */
  | { readonly status: 'watch'; readonly state: WatchState; readonly why?: string }
  /** What follows is the state from the beginning: forget what is not in it. */
  | { readonly status: 'resync'; readonly reason: string }
  /** After a resync: the state is complete, what follows is change. */
  | { readonly status: 'synced'; readonly cursor: string };

/** As a line on standard output for programs, which read nothing else; for people a note beside the events. */
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
          ? 'the edge hears nothing of its origin: changes come when it does again'
          : 'the edge hears its origin again',
      );
      return;
    case 'watch':
      terminal.err(watchText(note.state, note.why ?? ''));
      return;
    case 'resync':
      terminal.err(`history was lost (${note.reason}): the state again from the beginning`);
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
      return `not all files can be seen: ${why}; what is known may be old`;
    case 'gone':
      return `the repository is gone: ${why}; what is known may be old`;
  }
}

/** Tells of a connection that breaks and comes back, from now on. @returns stops. */
export function reportConnection(client: BusClient, tell: (note: StatusNote) => void): () => void {
  let isAway = false;
  let origin: 'present' | 'away' = 'present';
  let watch: WatchState = 'watching';
  return client.watchStatus((status: BusStatus) => {
    switch (status.state) {
      case 'connecting':
        isAway = true;
        tell({
          status: 'reconnecting',
          attempt: status.attempt,
          delay_ms: status.delayMs,
          cause: status.cause ?? 'the connection broke',
        });
        return;
      case 'live':
        if (isAway) tell({ status: 'connected', clock_skew_ms: status.clockSkewMs });
        isAway = false;
        if ((status.health?.state ?? watch) !== watch) {
          const { state, why } = status.health!;
          watch = state!;
          tell({ status: 'watch', state: watch, ...(why === undefined ? {} : { why }) });
        }
        if ((status.health?.origin ?? origin) === origin) return;
        origin = status.health!.origin!;
        tell({ status: 'origin', origin });
        return;
      case 'stale':
      case 'closed':
        return;
    }
  });
}
