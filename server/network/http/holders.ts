import {
  formatCursor,
  jsonLine,
  leaseForm,
  parseQuery,
  Swarm,
  type Address,
  type Kind,
  type Moment,
  type UnixMillis,
} from '../../../protocol/index.js';
import { QueryError, readQuery, type Parameter } from './query.js';
import type { Route, RouteServices } from './route.js';

export const HOLDERS_PARAMETERS: readonly Parameter[] = ['address', 'branch'];
const LEASE_KINDS: ReadonlySet<Kind> = new Set(['reservation', 'heartbeat', 'release']);

/** An origin that is away is waited for so long; then its records may be old. */
const BARRIER_MS = 5_000;

interface Question {
  readonly addresses: readonly Address[];
  readonly branch: string | undefined;
  /** A lease that ends after this may be prolonged after the disk was read: all are judged at this moment. */
  readonly askedAt: UnixMillis;
}

/**
 * `/holders?address=`: who holds some addresses, or anything that they cover or that covers them, by all that was on disk when it
 * was asked. "Free" is said of nothing less.
 */
export function holdersRoute({ bus, limits, clock, slots }: RouteServices): Route {
  // Read at the first question, and after that what has changed since the last: nothing of it is in the way of events.
  const swarm = new Swarm();
  const barrier = new SharedBarrier(() => bus.readNow());

  const answer = ({ addresses, branch, askedAt }: Question, isRead: boolean): object => {
    swarm.replace(bus.hub.store.cut().versions.filter(({ kind }) => LEASE_KINDS.has(kind)));
    const isKnown = isRead && bus.health.healthy;
    const moment: Moment = isKnown ? { now: askedAt } : { now: askedAt, unseen: LEASE_KINDS };
    const { free, holders, unread } = swarm.holders(addresses, moment, { branch });
    return {
      addresses: addresses.map(({ text }) => text),
      free,
      holders: holders.map(leaseForm),
      ...(unread.length === 0 ? {} : { unread }),
      now: new Date(askedAt).toISOString(),
    };
  };

  return (request) => {
    const { filterInput } = readQuery(request.query, HOLDERS_PARAMETERS, limits);
    const addresses = readAddresses(filterInput.addresses ?? []);
    const [branch, ...others] = filterInput.branches ?? [];
    if (others.length > 0) throw new QueryError('branch can be given once');
    if (!slots.isFree()) return slots.refusal();
    const question = { addresses, branch, askedAt: clock.now() };
    const { epoch, revision } = bus.hub;
    return {
      status: 200,
      // A place at or before what the answer is of: who follows from here misses nothing.
      headers: { 'content-type': 'application/json', 'muse-bus-cursor': formatCursor({ epoch, revision }) },
      filler: '\n',
      open: (writer) => {
        const release = slots.take();
        let isOver = false;
        const end = (isRead: boolean): void => {
          if (isOver) return;
          isOver = true;
          cancel();
          release();
          bus.supervisor.contain('an answer about holders', () => {
            if (bus.isRunning) writer.write(Buffer.from(`${jsonLine(answer(question, isRead))}\n`));
          });
          writer.end();
        };
        const cancel = clock.after(BARRIER_MS, () => {
          end(false);
        });
        barrier.pass().then(
          () => {
            end(true);
          },
          () => {
            end(false);
          },
        );
        return {
          drained: () => undefined,
          closed: () => {
            if (isOver) return;
            isOver = true;
            cancel();
            release();
          },
        };
      },
    };
  };
}

/** One reading of the disk for all who ask while another is under way: asking often costs no more than reading without a pause. */
class SharedBarrier {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly readNow: () => Promise<void>) {}

  /** Resolves when what was on disk at the call has been taken in. */
  pass(): Promise<void> {
    if (!this.#running) return this.#run();
    const run = (): Promise<void> => {
      this.#next = undefined;
      return this.#run();
    };
    return (this.#next ??= this.#running.then(run, run));
  }

  #run(): Promise<void> {
    const running = this.readNow().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    return (this.#running = running);
  }
}

function readAddresses(spellings: readonly string[]): Address[] {
  if (spellings.length === 0) throw new QueryError('address is missing; name a file or a symbol, src/a.py::f');
  return spellings.flatMap((spelling) => {
    const parsed = parseQuery(spelling);
    if (!parsed.ok) throw new QueryError(`address: ${parsed.problem.text}`);
    return [...parsed.addresses];
  });
}
