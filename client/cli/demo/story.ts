import { createHash } from 'node:crypto';
import type { Kind, RecordData } from '../../../protocol/index.js';
import type { DemoRepository } from './agent.js';

/** The address that the story is about. No other simulated agent touches it. */
export const STORY_ADDRESS = 'src/checkout.py::place_order';
/** The runs of the story. */
export const STORY_RUNS = ['alice', 'bob', 'carol'] as const;
type Run = (typeof STORY_RUNS)[number];

/** A holder that sends heartbeats extends its lease by this much each time. */
const LEASE_MS = 12_000;
/** Bob's lease is longer, so that his silence can be seen before it ends. */
const LONG_LEASE_MS = 24_000;

interface Beat {
  /** What happens, for a person. */
  readonly caption: string;
  /** How long to wait before the next beat. */
  readonly pauseMs: number;
  readonly act: (story: Round, now: number) => void;
}

/** A wait that ends with a handover, a conflict that is seen and avoided, and a silent agent whose lease runs out: about a minute. */
const BEATS: readonly Beat[] = [
  {
    caption: `alice reserves ${STORY_ADDRESS} and edits it`,
    pauseMs: 4_000,
    act: (story, now) => story.reserve('alice', 'modify', 'charge the card once', now, LEASE_MS),
  },
  {
    caption: 'bob wants it too: he announces it and waits for her',
    pauseMs: 5_000,
    act: (story, now) => {
      story.announce('bob', 'modify', 'reject empty carts', now);
      story.beat('alice', now, LEASE_MS);
    },
  },
  {
    caption: 'alice is still at work: each heartbeat extends her lease',
    pauseMs: 5_000,
    act: (story, now) => story.beat('alice', now, LEASE_MS),
  },
  {
    caption: 'alice releases it, and bob, who is told at once, takes over',
    pauseMs: 5_000,
    act: (story, now) => {
      story.release('alice', 'handed over to bob', now);
      story.reserve('bob', 'modify', 'reject empty carts', now, LONG_LEASE_MS);
    },
  },
  {
    caption: 'carol reserves it without looking: a collision, and both are told',
    pauseMs: 5_000,
    act: (story, now) => {
      story.reserve('carol', 'rename', 'rename to submit_order', now, LEASE_MS);
      story.beat('bob', now, LONG_LEASE_MS);
    },
  },
  {
    caption: 'carol steps back before she edits, and waits',
    pauseMs: 15_000,
    act: (story, now) => {
      story.release('carol', 'cancelled', now);
      // Announced after the release: what was announced before it would be done with it.
      story.announce('carol', 'rename', 'rename to submit_order', now + 1);
    },
  },
  {
    caption: 'bob has fallen silent: his lease still holds, carol waits for a silent holder',
    pauseMs: 11_000,
    act: () => undefined,
  },
  {
    caption: 'his lease has run out, and carol goes on',
    pauseMs: 6_000,
    act: (story, now) => story.reserve('carol', 'rename', 'rename to submit_order', now, LEASE_MS),
  },
  { caption: 'carol is done', pauseMs: 6_000, act: (story, now) => story.release('carol', 'completed', now) },
];

/** A story that three agents play again and again. */
export class DemoStory {
  #next = 0;
  #round: Round;
  #rounds = 0;

  constructor(private readonly repository: DemoRepository) {
    this.#round = new Round(repository, 0);
  }

  /** Plays the next beat. @returns what happened, and the pause before the next one. */
  play(now: number): Pick<Beat, 'caption' | 'pauseMs'> {
    if (this.#next === BEATS.length) {
      this.#round.remove();
      this.#round = new Round(this.repository, ++this.#rounds);
      this.#next = 0;
    }
    const beat = BEATS[this.#next++]!;
    beat.act(this.#round, now);
    return beat;
  }
}

/** The records of one telling. */
class Round {
  readonly #written = new Map<string, readonly [kind: Kind, id: string]>();
  readonly #current = new Map<Run, string>();
  #count = 0;

  constructor(
    private readonly repository: DemoRepository,
    private readonly number: number,
  ) {}

  reserve(run: Run, operation: string, detail: string, now: number, leaseMs: number): void {
    const id = this.#id(run);
    this.#current.set(run, id);
    const common = recordOf(run, now);
    this.#write('reservation', id, { ...common, reservation_id: id, operation, expires_at: iso(now + leaseMs) });
    this.#write('intent', intentOf(id), { ...common, intent_id: intentOf(id), reservation_id: id, operation, detail });
    const announced = this.#written.get(`announced ${run}`);
    if (announced) this.repository.remove(...announced);
  }

  /** Announces work without a reservation: the run waits. */
  announce(run: Run, operation: string, detail: string, now: number): void {
    const id = this.#id(run);
    this.#write('intent', id, { ...recordOf(run, now), intent_id: id, operation, detail });
    this.#written.set(`announced ${run}`, ['intent', id]);
  }

  beat(run: Run, now: number, leaseMs: number): void {
    const id = this.#current.get(run)!;
    const extended = iso(now + leaseMs);
    this.#write('heartbeat', id, {
      run_id: run,
      reservation_id: id,
      last_beat_at: iso(now),
      extended_expires_at: extended,
    });
  }

  release(run: Run, reason: string, now: number): void {
    const id = this.#current.get(run)!;
    this.#write('release', id, {
      run_id: run,
      release_id: `release-${id}`,
      reservation_id: id,
      reason,
      released_at: iso(now),
    });
  }

  remove(): void {
    for (const [kind, id] of this.#written.values()) this.repository.remove(kind, id);
  }

  #write(kind: Kind, id: string, data: RecordData): void {
    this.repository.write(kind, id, data);
    this.#written.set(`${kind} ${id}`, [kind, id]);
  }

  #id(run: Run): string {
    return createHash('sha256')
      .update(`story ${String(this.number)} ${String(this.#count++)} ${run}`)
      .digest('hex');
  }
}

const recordOf = (run: Run, now: number): RecordData => ({
  run_id: run,
  branch: 'main',
  addresses: [STORY_ADDRESS],
  created_at: iso(now),
});
const intentOf = (reservation: string): string => createHash('sha256').update(`intent ${reservation}`).digest('hex');
const iso = (ms: number): string => new Date(ms).toISOString();
