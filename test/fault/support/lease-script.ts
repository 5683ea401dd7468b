import type { TemporaryRepository } from '../../support/temporary-repository.js';
import { pause } from './fault-run.js';

const SHORTEST_MS = 120;
const MAX_MS = 450;

export type Ending = 'lapses' | 'released' | 'removed';
const ENDINGS: readonly Ending[] = ['lapses', 'lapses', 'released', 'removed'];

/**
 * One lease as its holder writes it: it is taken, extended before each end, sometimes at the last moment, and then ends for good. It
 * is never taken again, so the files must still show it as free when a client receives `free`.
 */
export class LeaseScript {
  readonly id: string;
  readonly address: string;
  /** Whether a heartbeat was written after the end, because the machine was busy: the state of the lease is then uncertain. */
  isVoid = false;
  #endsAt: number;

  constructor(
    private readonly repository: TemporaryRepository,
    private readonly random: () => number,
    n: number,
  ) {
    this.id = `r${String(n)}`;
    this.address = `src/round-${String(n)}.py::f`;
    this.#endsAt = Date.now() + this.#length();
    const expires_at = new Date(this.#endsAt).toISOString();
    const record = { reservation_id: this.id, run_id: 'holder', branch: 'main', addresses: [this.address], expires_at };
    repository.rename('reservation', this.id, record);
  }

  /** How long until the end that is on disk. */
  get leftMs(): number {
    return this.#endsAt - Date.now();
  }

  /** Extends the lease a few times, and ends it. */
  async play(): Promise<void> {
    for (let beats = Math.floor(this.random() * 4); beats > 0; beats--) {
      // Half of the heartbeats are written at the last moment.
      const spareMs = this.random() < 0.5 ? 2 + this.random() * 12 : this.random() * Math.max(2, this.leftMs);
      await pause(Math.max(0, this.leftMs - spareMs));
      if (!this.#beat(beats)) return;
    }
    const ending = ENDINGS[Math.floor(this.random() * ENDINGS.length)]!;
    if (ending === 'lapses') {
      await pause(Math.max(0, this.leftMs) + 1);
      return;
    }
    await pause(this.random() * Math.max(0, this.leftMs));
    if (ending === 'released') {
      this.repository.rename('release', this.id, { reservation_id: this.id, run_id: 'holder', reason: 'completed' });
    } else this.repository.remove('reservation', this.id);
  }

  /** Writes a heartbeat. @returns whether it was in time. */
  #beat(n: number): boolean {
    const before = this.#endsAt;
    if (Date.now() >= before) return true;
    const endsAt = Date.now() + this.#length();
    const extended_expires_at = new Date(endsAt).toISOString();
    this.repository.rename('heartbeat', `${this.id}-${String(n)}`, { reservation_id: this.id, extended_expires_at });
    this.isVoid = Date.now() >= before;
    this.#endsAt = Math.max(before, endsAt);
    return !this.isVoid;
  }

  #length(): number {
    return SHORTEST_MS + this.random() * (MAX_MS - SHORTEST_MS);
  }
}
