import type { Encoding, Kind, Problem, RecordData, UnixMillis } from '../protocol/index.js';
import type { Clock } from './runtime/clock.js';
import { Hub } from './delivery/hub.js';
import { EPOCH_RANDOM_BYTES, newEpoch } from './store/epoch.js';
import { systemRandom } from './runtime/random.js';
import { silentLog } from './runtime/log.js';
import { resolveOptions, type Limits } from './config/options.js';
import { SessionManager } from './session-manager.js';
import type { Change } from './store/change.js';
import { RecordStore } from './store/record-store.js';
import type { Socket } from './delivery/port.js';
import type { Connection } from './sessions/connection.js';
import { parseRecord } from './watch/record-parser.js';

const TOO_LARGE = { is: 'problem', problem: 'too-large' } as const;

export interface MemoryBusOptions {
  readonly limits?: Partial<Limits>;
  /** @default 5_000 */
  readonly heartbeatMs?: number;
}

/** A bus without files and without a port. The program that holds it puts the records. For tests and simulations. */
export class MemoryBus {
  readonly #store = new RecordStore();
  readonly #sessions: SessionManager;
  readonly #limits: Limits;
  #cancelExpiry: (() => void) | undefined;
  #writes = 0;

  constructor(
    private readonly clock: Clock,
    { limits, heartbeatMs }: MemoryBusOptions = {},
  ) {
    const options = resolveOptions({
      root: '/',
      ...(limits ? { limits } : {}),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    });
    this.#limits = options.limits;
    const epoch = newEpoch(clock.now(), systemRandom(EPOCH_RANDOM_BYTES));
    const hub = new Hub({ epoch, store: this.#store }, options.limits);
    const source = {
      health: () => ({ backend: 'memory', healthy: true, last_scan_ms: clock.now(), state: 'watching' as const }),
      backlog: () => ({ pending: 0, unsettled: 0 }),
      journal: () => ({ state: 'off' as const }),
      readNow: () => Promise.resolve(),
    };
    this.#sessions = new SessionManager(hub, source, options, clock, silentLog);
  }

  start(): void {
    this.#sessions.start();
  }

  stop(): void {
    this.#cancelExpiry?.();
    this.#sessions.stop();
  }

  /** The revision of the last event. */
  get revision(): number {
    return this.#sessions.hub.revision;
  }

  /**
   * Adds a record, or changes it, as if this were in its file: a `Date` is its text, and what no record can have is a problem.
   * @throws TypeError for a value that JSON does not have.
   */
  put(kind: Kind, id: string, data: RecordData): void {
    const { maxRecordBytes, maxRecordDepth } = this.#limits;
    const bytes = Buffer.from(JSON.stringify(data));
    const parsed = bytes.length > maxRecordBytes ? TOO_LARGE : parseRecord(bytes, maxRecordDepth);
    if (parsed.is === 'problem') {
      this.corrupt(kind, id, parsed.problem);
      return;
    }
    const signature = { inode: 1, mtimeNs: BigInt(++this.#writes), size: 0 };
    this.#take({ is: 'present', kind, id, signature, data: parsed.data });
  }

  remove(kind: Kind, id: string): void {
    this.#take({ is: 'absent', kind, id });
  }

  /** Gives a record a problem, as if its file could no longer be read. */
  corrupt(kind: Kind, id: string, problem: Problem = 'invalid-json'): void {
    this.#take({ is: 'broken', kind, id, problem, signature: undefined });
  }

  attach(socket: Socket, encoding: Encoding): Connection {
    return this.#sessions.attach(socket, encoding);
  }

  #take(change: Change): void {
    this.#sessions.hub.publish(this.#store.apply(change, this.clock.now()));
    this.#expireInTime();
  }

  #expireInTime(): void {
    this.#cancelExpiry?.();
    const next: UnixMillis | undefined = this.#store.leases.nextDeadline();
    if (next === undefined) return;
    this.#cancelExpiry = this.clock.after(next - this.clock.now(), () => {
      this.#sessions.hub.publish(this.#store.expireUntil(this.clock.now()));
      this.#expireInTime();
    });
  }
}
