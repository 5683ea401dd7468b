import { join } from 'node:path';
import fs from 'fs-extra';
import { KIND_DIRECTORIES, KINDS, parseTimestamp, type BusEvent, type JsonValue } from '../../../protocol/index.js';

/** An id that is a file's name and nothing else: a recording may come from anybody. */
const PLAIN_ID = /^[^/\\\0]{1,250}$/;

/** Acts a recording out in a directory, so that a server of that directory tells it again. */
export class ReplayRepository {
  constructor(
    private readonly root: string,
    private readonly speed: number,
  ) {}

  prepare(): void {
    for (const kind of KINDS) fs.ensureDirSync(this.#directory(kind));
  }

  /** @returns whether there was anything to do: a lease lapses by itself, and its heartbeat revives it. */
  act(event: BusEvent, now: number): boolean {
    const { kind, id } = event;
    const isOfTime = event.event_type === 'expired' || event.event_type === 'revived';
    if (isOfTime || !PLAIN_ID.test(id) || id.startsWith('.')) return false;
    const file = join(this.#directory(kind), `${id}.json`);
    if (event.event_type === 'removed') {
      fs.removeSync(file);
      return true;
    }
    const temporary = join(this.#directory(kind), '.replay');
    fs.writeJsonSync(temporary, this.#moved(event, now));
    fs.renameSync(temporary, file);
    return true;
  }

  /** The record with every time it says as far from now as it was from then, so that leases lapse when they did. */
  #moved({ data, timestamp }: BusEvent, now: number): Record<string, JsonValue | undefined> {
    const then = Date.parse(timestamp);
    const entries = Object.entries(data).map(([field, value]) => {
      const time = field.endsWith('_at') ? parseTimestamp(value) : undefined;
      const moved = time === undefined ? undefined : new Date(now + (time - then) / this.speed);
      // What comes to lie beyond what a date can say stays as it was written.
      return [field, moved && !Number.isNaN(moved.getTime()) ? moved.toISOString() : value] as const;
    });
    return Object.fromEntries(entries);
  }

  #directory(kind: BusEvent['kind']): string {
    return join(this.root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
  }
}
