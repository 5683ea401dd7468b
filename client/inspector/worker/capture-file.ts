import { isEvent, formatLine, readLine } from '../model/ndjson.js';
import type { EventEntry } from '../model/entry.js';
import { KINDS } from '../../../protocol/index.js';
import { lacksOf, type Lacks } from '../model/lacks.js';
import type { Timeline } from '../model/timeline.js';

/** The lines in one piece of the file, so that a long capture does not become one string. */
const LINES_PER_PIECE = 2_000;

/** Exports the capture as NDJSON: first the records at its beginning, as `snapshot` events, then every event. */
export function exportCapture(
  timeline: Timeline,
  epoch: string,
  version: string,
): { readonly file: Blob; readonly events: number; readonly lacks: Lacks } {
  const pieces: string[] = [];
  let lines: string[] = [];
  let events = 0;
  const add = (entry: EventEntry): void => {
    lines.push(formatLine(entry, epoch, version));
    events++;
    if (lines.length < LINES_PER_PIECE) return;
    pieces.push(`${lines.join('\n')}\n`);
    lines = [];
  };
  const beginsMs = timeline.capture.first()?.atMs ?? 0;
  for (const kind of KINDS) {
    for (const { id, data, revision, problem } of timeline.base.byKind[kind].values()) {
      add({
        what: 'event',
        seq: 0,
        atMs: beginsMs,
        lagMs: undefined,
        type: 'snapshot',
        kind,
        id,
        revision,
        data,
        before: undefined,
        bytes: 0,
        reason: undefined,
        problem,
        observed: undefined,
      });
    }
  }
  for (const entry of timeline.capture.range(0, timeline.capture.length)) if (isEvent(entry)) add(entry);
  if (lines.length > 0) pieces.push(`${lines.join('\n')}\n`);
  return { file: new Blob(pieces, { type: 'application/x-ndjson' }), events, lacks: lacksOf(timeline) };
}

/** Reads a file of events into a timeline. @returns how many lines were events, and how many were not. */
export async function importCapture(
  file: Blob,
  timeline: Timeline,
): Promise<{ readonly events: number; readonly badLines: number }> {
  let events = 0;
  let badLines = 0;
  let rest = '';
  const takeLine = (line: string): void => {
    if (line.trim() === '') return;
    const event = readLine(line);
    if (event) {
      timeline.addEvent(event);
      events++;
    } else badLines++;
  };
  const reader = file.stream().pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const lines = (rest + piece.value).split('\n');
    rest = lines.pop()!;
    lines.forEach(takeLine);
  }
  takeLine(rest);
  return { events, badLines };
}
