import type { AliveMessage } from './alive-message.js';

/** How many heartbeats may name another place than the one that is served, while nothing arrives. */
const MAX_HEARTBEATS = 5;

/** How far an origin has come, or an edge. */
export type Progress = Pick<AliveMessage, 'epoch' | 'revision'>;

export interface CheckedEdge {
  /** `undefined` before the first records. */
  served(): Progress | undefined;
  /** Asks the origin how far it has come now. @throws Error if it does not answer. */
  ask(): Promise<Progress>;
  /** Called when the origin is elsewhere and nothing arrives: a stream that has lost the next messages sends no error. */
  stuck(): void;
  /** Called when what is served is more than the origin has: another program has written to the stream. */
  ahead(why: string): void;
}

/** Notices that an edge and its origin are not at the same place, and stay so. */
export class ProgressCheck {
  #served: Progress = { epoch: '', revision: 0 };
  #heartbeats = 0;

  constructor(private readonly edge: CheckedEdge) {}

  /** Called at each heartbeat. */
  heard(said: Progress): void {
    const { epoch, revision } = this.edge.served() ?? said;
    const isStill = isAt(this.#served, { epoch, revision });
    this.#served = { epoch, revision };
    if (!isStill || isAt(said, this.#served)) this.#heartbeats = 0;
    else if (++this.#heartbeats >= MAX_HEARTBEATS) {
      this.#heartbeats = 0;
      if (isBefore(said, this.#served)) void this.#ask();
      else this.edge.stuck();
    }
  }

  /** Heartbeats may be late. What the origin answers now is not. */
  async #ask(): Promise<void> {
    const served = this.#served;
    const said = await this.edge.ask().catch(() => undefined);
    if (!said || !isBefore(said, served) || !isAt(this.edge.served() ?? said, served)) return;
    this.edge.ahead(`the origin has come to revision ${String(said.revision)}, not to ${String(served.revision)}`);
  }
}

const isAt = (one: Progress, other: Progress): boolean => one.epoch === other.epoch && one.revision === other.revision;

const isBefore = (one: Progress, other: Progress): boolean =>
  one.epoch === other.epoch && one.revision < other.revision;
