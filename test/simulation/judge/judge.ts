import { KINDS, MessageType, type Kind, type ServerMessage } from '../../../protocol/index.js';
import type { MirrorRecord } from '../../../client/sdk/mirror-options.js';
import type { BusBase } from '../../../server/bus-base.js';
import { checkHistories } from '../../fault/history-checker.js';
import type { JudgedClient } from './judged-client.js';
import { Trace } from './trace.js';
import type { Origin } from '../world/origin.js';
import { LONG } from '../world/record-text.js';
import { OWN_DIRECTORIES, type Found, type Repository } from '../world/repository.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';

/** The rules that a life must not violate. */
export type Rule =
  /** An address was called free, although the files said all the time that it was held. */
  | 'false free'
  /** An address was called held, although the readable files said all the time that it was free. */
  | 'false held'
  /** A file was reported as broken while it was being written. */
  | 'false problem'
  /** A lease was reported as ended that had not ended. */
  | 'false end'
  /** The watching was called healthy although files could not be seen. */
  | 'false health'
  /** A process ended by an uncaught error. */
  | 'crash'
  /** The server met an unforeseen error. */
  | 'unforeseen'
  /** A promise of the wire was broken: order, uniqueness, completeness, resumption, marks, cuts. */
  | 'wire'
  /** At rest, a view differs from the directory. */
  | 'view'
  /** At rest, a client is not served or a question is not answered. */
  | 'stuck'
  /** A bounded resource exceeds its bound. */
  | 'bound'
  /** A server made or wrote something that is not its own, or reached it through a link. */
  | 'outside';

export interface Violation {
  readonly rule: Rule;
  readonly atMs: number;
  readonly why: string;
}

/** A question about an address, and whether an edge is asked. */
interface AskedAbout {
  readonly address: string;
  readonly isAtEdge: boolean;
}

export interface Question {
  answered(free: 'yes' | 'no' | 'unknown' | 'none'): void;
}

/** What is known of the events of all origins. */
export interface Published {
  /** Revisions, with their epochs, whose events no subscription receives. */
  readonly silent: ReadonlySet<string>;
  /** The end of each gap in the revisions, by the revision before it, with its epoch. */
  readonly gaps: ReadonlyMap<string, number>;
  /** The origin that made an epoch. */
  writerOf(epoch: string): string;
}

/** Directories above those of the kinds that the server keeps open. */
const PARENTS = 3;
/** The bytes of answers and marks that may wait beyond the bound for frames: they cannot be sent again. */
const ANSWERS_BYTES = 4_096;
/** More calls than this in a simulated second mean a loop that never rests. */
const MAX_STEPS_A_SECOND = 20_000;
/** … or in a life: one that does not come to rest ends here. */
const MAX_STEPS = 200_000;
/** The longest time until a client notices the end of its server. */
const FAREWELL_MS = 2_000;
/** The longest time after a fault of the stream until the origin has noticed it, and edges have begun again with a new base. */
const REBUILD_MS = 15_000;
/** The longest time after a blinding fault until a server has read the files again. */
const LOOK_MS = 3_000;
/** The problems that a half-written file can have. */
const TORN: readonly unknown[] = ['invalid-json', 'not-an-object'];
/** The index of the problem in an event. */
const PROBLEM = 7;
/** The longest time until a server notices that a directory cannot be read. */
const NOTICE_MS = 3_000;

/** Compares everything that servers and clients report with the truth of the simulated world. */
export class Judge {
  readonly #questions = new Set<AskedAbout & { wasFree: boolean; mayHaveBeenHeld: boolean }>();
  readonly #hash = new Trace();
  violation: Violation | undefined;
  /** The number of questions and answers: a life without any proves nothing. */
  readonly tally = { asked: 0, free: 0, held: 0, unknown: 0, messages: 0 };
  #blindSince: number | undefined;
  /** Until this time a server need not know the content of the files. */
  #blindUntil = 0;
  /** Until this time an edge need not know it either. */
  #edgesBlindUntil = 0;
  #unservedSince: number | undefined;
  #second = 0;
  #steps = 0;
  #allSteps = 0;

  constructor(
    private readonly repository: Repository,
    private readonly tell: (text: string) => void,
    /** How long a server waits for the rest of a half-written file. */
    private readonly settleMs: number,
    /** Whether edges are not told what a long record says. */
    private readonly isCut: boolean,
  ) {
    repository.beforeChange = () => {
      this.#look();
    };
  }

  /** The hash of everything that was reported in this life, in order. */
  get trace(): string {
    return this.#hash.digest();
  }

  violated(rule: Rule, why: string): void {
    if (this.violation) return;
    this.violation = { rule, atMs: this.#now, why };
    this.tell(`VIOLATION (${rule}): ${why}`);
  }

  get #now(): number {
    return this.repository.disk.host.time.now;
  }

  // ── at each moment ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Called at each event of the simulated world. */
  step(atMs: number): void {
    this.#hash.at(atMs);
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) [this.#second, this.#steps] = [second, 0];
    if (++this.#steps > MAX_STEPS_A_SECOND) this.violated('bound', `${String(this.#steps)} things happen in a second`);
    if (++this.#allSteps > MAX_STEPS) this.violated('bound', `${String(this.#allSteps)} things happen in a life`);
  }

  messageSeen(client: string, message: ServerMessage): void {
    this.tally.messages++;
    this.#hash.add(client);
    this.#hash.add(JSON.stringify(message));
    if (message[0] !== MessageType.events && message[0] !== MessageType.batch) return;
    for (const event of message[3]) {
      const kind = KINDS[event[2]];
      if (kind === undefined || !TORN.includes(event[PROBLEM])) continue;
      const ms = this.repository.wasUnreadableMs(kind, event[3]);
      if (ms >= this.settleMs / 2) continue;
      const why = `${client} was told that ${kind}/${event[3]} is ${String(event[PROBLEM])}`;
      this.violated('false problem', `${why}, which it was for ${ms.toFixed(1)} ms while it was written`);
    }
  }

  /** Called with what a server has made in the file system, or opened to write: it makes its directories there, and nothing else. */
  wrote(server: string, path: string): void {
    if (!OWN_DIRECTORIES.has(path)) this.violated('outside', `${server} has written ${path}`);
  }

  expiredSeen(client: string, id: string): void {
    if (!this.repository.hasEnded(id)) this.violated('false end', `${client} was told that the lease ${id} has ended`);
  }

  /** @param isAtEdge whether an edge is asked. */
  asked(client: string, address: string, isAtEdge: boolean): Question {
    const isBlind = (): boolean => this.#isBlind() || (isAtEdge && this.#now < this.#edgesBlindUntil);
    const wasBlind = isBlind();
    const question = {
      address,
      isAtEdge,
      wasFree: !this.repository.isHeld(address),
      mayHaveBeenHeld: this.#mayBeHeld({ address, isAtEdge }),
    };
    const askedAt = this.#now;
    this.#questions.add(question);
    this.tally.asked++;
    return {
      answered: (free) => {
        this.#look();
        this.#questions.delete(question);
        this.#hash.add(`${client}${address}${free}`);
        if (free === 'yes') this.tally.free++;
        else if (free === 'no') this.tally.held++;
        else this.tally.unknown++;
        if (free === 'yes' && !question.wasFree) {
          const since = `since it was asked at ${askedAt.toFixed(1)} ms`;
          const holder = String(this.repository.holderOf(address));
          const what = `${client} was told that ${address} is free`;
          this.violated('false free', `${what}, which it has not been ${since}: ${holder} holds it`);
        }
        if (free === 'no' && !question.mayHaveBeenHeld && !wasBlind && !isBlind())
          this.violated('false held', `${client} was told that ${address} is held, which nobody does or may do`);
      },
    };
  }

  /** Called when a directory becomes unreadable, or when all are readable again. */
  sightChanged(isBlind: boolean): void {
    this.#blindSince = isBlind ? (this.#blindSince ?? this.#now) : undefined;
  }

  /** Called when a fault begins during which a server may not know the content of the files. */
  blinded(forMs: number): void {
    this.#blindUntil = Math.max(this.#blindUntil, this.#now + forMs + LOOK_MS);
  }

  /** Called when a fault of the stream begins: an edge that may not follow the stream knows of no lease that it has not been prolonged. */
  edgesBlinded(forMs: number): void {
    this.#edgesBlindUntil = Math.max(this.#edgesBlindUntil, this.#now + forMs + REBUILD_MS);
  }

  #isBlind(): boolean {
    return this.#now < this.#blindUntil;
  }

  /** How long a directory has been unreadable. */
  get blindMs(): number {
    return this.#blindSince === undefined ? 0 : this.#now - this.#blindSince;
  }

  /** Examines the server and its clients from time to time. @param awakeMs how long the server has been able to work. */
  inspect(origin: Origin, awakeMs: number, clients: readonly JudgedClient[], network: SimulatedNetwork): void {
    const { bus } = origin;
    if (origin.forgot !== undefined) this.violated('wire', origin.forgot);
    this.#unservedSince = bus || network.isCut ? undefined : (this.#unservedSince ?? this.#now);
    if (this.#unservedSince !== undefined && this.#now - this.#unservedSince > FAREWELL_MS) {
      for (const { plan, mirror, network: itsNetwork } of clients)
        if (itsNetwork === network && mirror?.status.state === 'live')
          this.violated('false health', `${plan.name} is live without a server`);
    }
    if (!bus || this.#blindSince === undefined) return;
    if (Math.min(this.#now - this.#blindSince, awakeMs) < NOTICE_MS) return;
    const { health } = bus;
    if (health.state === 'watching' && health.healthy)
      this.violated('false health', 'a directory cannot be looked into, and the server says that all is well');
  }

  #look(): void {
    for (const question of this.#questions) {
      if (!question.wasFree && !this.repository.isHeld(question.address)) question.wasFree = true;
      if (!question.mayHaveBeenHeld && this.#mayBeHeld(question)) question.mayHaveBeenHeld = true;
    }
  }

  #mayBeHeld({ address, isAtEdge }: AskedAbout): boolean {
    return this.repository.mayBeHeld(address) || (isAtEdge && this.isCut && this.repository.isAnyLong);
  }

  // ── at rest ───────────────────────────────────────────────────────────────────────────────────────────────────────

  rest(
    origin: Origin,
    clients: readonly JudgedClient[],
    network: SimulatedNetwork,
    maxQueuedBytes: number,
    published: Published,
  ): void {
    if (origin.unforeseen > 0) this.violated('unforeseen', `${String(origin.unforeseen)} errors`);
    const { bus, files } = origin;
    if (!bus || !files) {
      this.violated('stuck', `no server runs: ${String(origin.startError)}`);
      return;
    }
    const { health } = bus;
    if (health.state !== 'watching' || !health.healthy) this.violated('stuck', `health is ${JSON.stringify(health)}`);
    const { pending, unsettled } = bus.watch.backlog;
    if (pending + unsettled > 0) this.violated('stuck', `${String(pending)} hints and ${String(unsettled)} files wait`);
    // A missing directory may come back only when an agent writes into it.
    const directories = PARENTS + KINDS.filter((kind) => this.repository.hasDirectory(kind)).length;
    if (files.openCount !== directories)
      this.violated('bound', `${String(files.openCount)} descriptors are open of ${String(directories)} directories`);
    const watched = directories - origin.unwatched;
    if (files.watchCount !== watched)
      this.violated('bound', `${String(files.watchCount)} of ${String(watched)} directories are watched`);
    const its = clients.filter((client) => client.network === network);
    this.connections('the origin', network, bus, its, maxQueuedBytes);
    if (bus.hub.stalls > 0) this.violated('stuck', `${String(bus.hub.stalls)} sockets had drained, and nobody noticed`);
    this.groups('the origin', bus);
    for (const client of clients) this.#client(client, bus.hub.revision, client.network !== network);
    // Where records are cut, a revision is not the same at an edge.
    const others = clients.filter((client) => client.network !== network);
    for (const group of this.isCut ? [its, others] : [clients]) this.#history(group, published);
    this.#positions(its);
  }

  /** Checks that a server has exactly its clients, and that the bytes that wait for them are bounded. */
  connections(
    server: string,
    network: SimulatedNetwork,
    { connectionCount }: { readonly connectionCount: number },
    clients: readonly JudgedClient[],
    maxQueuedBytes: number,
  ): void {
    if (network.openCount !== clients.length || connectionCount !== clients.length) {
      const counts = `${String(network.openCount)} connections, ${String(connectionCount)} sessions`;
      this.violated('bound', `${server} has ${counts} of ${String(clients.length)} clients`);
    }
    if (network.mostQueued > maxQueuedBytes + ANSWERS_BYTES)
      this.violated('bound', `${String(network.mostQueued)} bytes waited beside a frame at ${server}`);
    if (network.mostBehind > maxQueuedBytes)
      this.violated(
        'bound',
        `events were put behind others, and ${String(network.mostBehind)} bytes waited at ${server}`,
      );
  }

  /** Checks that a server keeps the groups of its subscriptions, and no others. */
  groups(server: string, { hub, sessions }: Pick<BusBase, 'hub' | 'sessions'>): void {
    const held = new Set([...sessions].flatMap(({ subscriber }) => subscriber.subscriptions.map(({ group }) => group)));
    const { groupCount } = hub.fanOut;
    if (groupCount !== held.size)
      this.violated(
        'bound',
        `${server} keeps ${String(groupCount)} groups, and its subscriptions are in ${String(held.size)}`,
      );
  }

  #client({ plan, raw, mirror, bus, asking }: JudgedClient, revision: number, isAtEdge: boolean): void {
    const mayWait = (address: string): boolean => this.#isBlind() || this.#mayBeHeld({ address, isAtEdge });
    if (asking !== undefined && (plan.kind === 'asker' || !mayWait(asking)))
      this.violated('stuck', `${plan.name} has had no answer about ${asking}`);
    if (bus !== undefined && bus.status.state !== 'live') this.violated('stuck', `${plan.name} is ${bus.status.state}`);
    for (const subscription of raw?.histories ?? []) {
      const { name, isLive, isOver, cursor } = subscription;
      if (isOver) continue;
      if (!isLive) this.violated('stuck', `${name} is not live`);
      else if (Number(cursor?.split(':')[1]) !== revision)
        this.violated('stuck', `${name} is at ${String(cursor)}, the server at ${String(revision)}`);
    }
    if (plan.kind === 'asker' || raw) return;
    if (mirror?.status.state !== 'live') {
      this.violated('stuck', `${plan.name} has no live mirror: ${JSON.stringify(mirror?.status)}`);
      return;
    }
    for (const kind of KINDS) {
      const seen = new Map(mirror.all(kind).map((record) => [record.id, record]));
      for (const [id, found] of this.repository.found(kind)) {
        const record = seen.get(id);
        seen.delete(id);
        const length = this.isCut && isAtEdge && found.is === 'record' ? found.json.length : 0;
        const isRight = record && ((length > LONG / 2 && isCutOff(record)) || (length <= LONG && shows(record, found)));
        if (isRight !== true) {
          const said = record ? `${record.problem ?? ''}${JSON.stringify(record.data)}` : 'nothing';
          this.violated('view', `${plan.name} has ${said} of ${kind}/${id}, where there is ${JSON.stringify(found)}`);
        }
      }
      for (const id of seen.keys()) this.violated('view', `${plan.name} has ${kind}/${id}, which is gone`);
    }
  }

  /** A server that has files knows of each position that it has given: only an edge may have been set back. */
  #positions(clients: readonly JudgedClient[]): void {
    for (const { name, entries } of clients.flatMap(({ raw }) => raw?.histories ?? []))
      for (const entry of entries)
        if (entry.is === 'subscribed' && entry.why === 'future')
          this.violated('wire', `${name} was told that ${String(entry.since)}, where it had been, is in the future`);
  }

  #history(clients: readonly JudgedClient[], { silent, gaps, writerOf }: Published): void {
    const histories = clients.flatMap(({ raw }) => raw?.histories ?? []);
    const isSilent = (epoch: string, revision: number): boolean => silent.has(`${epoch}:${String(revision)}`);
    const gapAfter = (epoch: string, revision: number): number | undefined => gaps.get(`${epoch}:${String(revision)}`);
    const { operations } = this.repository;
    const verdict = checkHistories({ histories, operations, isSettled: false, isSilent, gapAfter, writerOf });
    if (!verdict.holds)
      this.violated('wire', `${verdict.history}, entry ${String(verdict.entry)}: ${verdict.rule}: ${verdict.why}`);
  }
}

type Shown = Pick<MirrorRecord<Kind>, 'problem' | 'data'>;

function shows({ problem, data }: Shown, found: Found): boolean {
  const isAsFaulty = (problem !== undefined) === found.isFaulty;
  return isAsFaulty && (found.is !== 'record' || JSON.stringify(data) === JSON.stringify(found.data));
}

/** Whether nothing is shown of what a record says, because that did not fit into a message. */
const isCutOff = ({ problem, data }: Shown): boolean => problem === 'unreadable' && JSON.stringify(data) === '{}';
