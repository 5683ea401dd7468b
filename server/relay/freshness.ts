/** A moment at which an origin was at a revision, as its heartbeat says, by the monotonic clock here. */
interface Mark {
  readonly epoch: string;
  readonly revision: number;
  readonly at: number;
}

/** What an edge serves. */
export type Served = Pick<Mark, 'epoch' | 'revision'>;

/** Heartbeats come once a second or so, and marks that are never reached mean that a rebuild is near. */
const MAX_MARKS = 256;

/**
 * The last moment at which an edge is known to have served everything that its origin had. Each heartbeat gives such a moment as soon as
 * what is served includes its revision, however long after. Pure.
 */
export class Freshness {
  #freshAt: number | undefined;
  #marks: Mark[] = [];

  /** Notes a heartbeat. */
  heard(mark: Mark, served: Served | undefined): void {
    // The last one makes room: what is said without it is rather too old than too new, and those of an epoch that has gone are never reached.
    if (this.#marks.length === MAX_MARKS) this.#marks.pop();
    this.#marks.push(mark);
    if (served) this.reached(served);
  }

  /** Notes what is served now. */
  reached({ epoch, revision }: Served): void {
    if (this.#marks.length === 0) return;
    const left: Mark[] = [];
    for (const mark of this.#marks) {
      if (mark.epoch !== epoch || mark.revision > revision) left.push(mark);
      else this.#freshAt = Math.max(this.#freshAt ?? mark.at, mark.at);
    }
    this.#marks = left;
  }

  /** Notes time that the monotonic clock has not counted, because the machine slept: all that was heard before is older by it. */
  aged(ms: number): void {
    if (this.#freshAt !== undefined) this.#freshAt -= ms;
    this.#marks = this.#marks.map((mark) => ({ ...mark, at: mark.at - ms }));
  }

  /** How old what is served may be, milliseconds; `undefined` while no heartbeat has proved anything. */
  staleMs(now: number): number | undefined {
    return this.#freshAt === undefined ? undefined : now - this.#freshAt;
  }
}
