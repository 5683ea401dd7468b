import {
  formatCursor,
  leaseForm,
  jsonLine,
  KINDS,
  parseQuery,
  runSituation,
  Swarm,
  type Address,
  type Kind,
  type Moment,
  type UnixMillis,
} from '../../../protocol/index.js';
import { ParameterError } from './parameters.js';
import { onlyOne, readQuery, type Parameter } from './query.js';
import type { Route, RouteServices } from './route.js';

export const HOLDERS_PARAMETERS: readonly Parameter[] = ['address', 'branch', 'run_id'];
const LEASE_KINDS: ReadonlySet<Kind> = new Set(['reservation', 'heartbeat', 'release']);
const ALL_KINDS: ReadonlySet<Kind> = new Set(KINDS);

/** How long an answer waits for an origin that does not reply. Then the records may be old, and the answer is "unknown". */
const BARRIER_MS = 5_000;

interface Question {
  readonly addresses: readonly Address[];
  readonly branch: string | undefined;
  /** The run whose situation the answer includes. */
  readonly run: string | undefined;
  /** When the question arrived. Every lease is judged at this moment: one that ends later may be prolonged after the disk was read. */
  readonly askedAt: UnixMillis;
}

/**
 * Returns the route `/holders?address=`: who holds an address, or anything that it covers or that covers it. The answer includes every
 * file that was on disk when the question arrived. Without that an address is not reported as free. With `run_id` the answer includes
 * what concerns that run, so that a hook needs one request.
 */
export function holdersRoute({ bus, limits, clock, slots }: RouteServices): Route {
  const leases = new LeaseModel(bus);
  const barrier = new SharedBarrier(() => bus.readNow());

  return (request) => {
    const { filterInput } = readQuery(request.query, HOLDERS_PARAMETERS, limits);
    const branch = onlyOne('branch', filterInput.branches);
    const run = onlyOne('run_id', filterInput.run_ids);
    const addresses = readAddresses(filterInput.addresses ?? []);
    if (addresses.length === 0 && run === undefined)
      throw new ParameterError('address is missing; name a file or a symbol, src/a.py::f');
    if (!slots.isFree()) return slots.refusal();
    const question = { addresses, branch, run, askedAt: clock.now() };
    const { epoch, revision } = bus.hub;
    return {
      status: 200,
      // A cursor at or before the state in the answer: a client that subscribes from here misses nothing.
      headers: { 'content-type': 'application/json', 'muse-bus-cursor': formatCursor({ epoch, revision }) },
      filler: '\n',
      open: (writer) => {
        const cancel = afterReading(barrier, clock, slots.take(), (isRead) => {
          bus.supervisor.contain('an answer about holders', () => {
            if (bus.isRunning) writer.write(Buffer.from(`${jsonLine(leases.answer(question, isRead))}\n`));
          });
          writer.end();
        });
        return { drained: () => undefined, closed: cancel };
      },
    };
  };
}

/** What the records say about leases, and about the situation of runs. */
class LeaseModel {
  // Filled at the first question. Later questions add what has changed since the last one, so that events cost nothing more.
  readonly #swarm = new Swarm();
  // Intents and tasks are needed only for the situation of a run: they are added at the first such question.
  #kinds = LEASE_KINDS;
  #known: { readonly cut: object; readonly kinds: ReadonlySet<Kind> } | undefined;

  constructor(private readonly bus: RouteServices['bus']) {}

  /** @param isRead whether everything that was on disk when the question arrived has been read. */
  answer({ addresses, branch, run, askedAt }: Question, isRead: boolean): object {
    if (run !== undefined) this.#kinds = ALL_KINDS;
    this.#update();
    const isKnown = isRead && this.bus.health.healthy;
    const moment: Moment = isKnown ? { now: askedAt } : { now: askedAt, unseen: ALL_KINDS };
    const { free, holders, unread, isSeen } = this.#swarm.holders(addresses, moment, { branch });
    return {
      addresses: addresses.map(({ text }) => text),
      // Of no address nothing is said.
      ...(addresses.length === 0 ? {} : { free }),
      // Where somebody is known to hold it, `free` does not say whether others may hold it too.
      is_complete: isSeen && unread.length === 0,
      holders: holders.map(leaseForm),
      ...(unread.length === 0 ? {} : { unread }),
      ...(run === undefined ? {} : { run: runSituation(this.#swarm, moment, run) }),
      now: new Date(askedAt).toISOString(),
    };
  }

  #update(): void {
    const cut = this.bus.hub.store.cut();
    const kinds = this.#kinds;
    // A cut is the same object for all questions between two changes: then the model has it already.
    if (this.#known?.cut === cut && this.#known.kinds === kinds) return;
    this.#swarm.replace(cut.versions.filter(({ kind }) => kinds.has(kind)));
    this.#known = { cut, kinds };
  }
}

/**
 * Calls `release` and `done` when everything that was on disk at the call has been read, or when that has failed or takes too long.
 * @returns a function that ends the wait: only `release` is called then
 */
function afterReading(
  barrier: SharedBarrier,
  clock: RouteServices['clock'],
  release: () => void,
  done: (isRead: boolean) => void,
): () => void {
  let isOver = false;
  const end = (answer: () => void): void => {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    release();
    answer();
  };
  const ended = (isRead: boolean) => (): void => {
    end(() => {
      done(isRead);
    });
  };
  const cancelTimer = clock.after(BARRIER_MS, ended(false));
  barrier.pass().then(ended(true), ended(false));
  return () => {
    end(() => undefined);
  };
}

/** Shares one reading of the disk between all calls that arrive during the reading before it. So at most one reading runs at a time. */
class SharedBarrier {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly readNow: () => Promise<void>) {}

  /** Resolves when everything that was on disk at the call has been read. */
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
  return spellings.flatMap((spelling) => {
    const parsed = parseQuery(spelling);
    if (!parsed.ok) throw new ParameterError(`address: ${parsed.problem.text}`);
    return [...parsed.addresses];
  });
}
