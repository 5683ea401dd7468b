import { MessageType, type ServerMessage } from '../../../protocol/index.js';
import { BusClient } from '../../../client/sdk/bus-client.js';
import type { Mirror } from '../../../client/sdk/mirror.js';
import { TYPE, type ClientFilter } from '../../fault/client-history.js';
import type { Judge, Question } from '../judge/judge.js';
import { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import type { SimulatedHost } from '../machine/simulated-process.js';
import { SimulatedProcess } from '../machine/simulated-process.js';
import type { ClientPlan } from './plan.js';
import { looseAddress } from './record-text.js';
import { FurtherSubscription, RawClient } from './raw-client.js';

const ASK_EVERY_MS = 1_500;
const ASK_TIMEOUT_MS = 8_000;
/** How often, and how soon, one asks about an address that an agent has just reserved or let go: mostly within a few milliseconds. */
const CURIOUS = 0.5;
const CURIOUS_MS = 30;
/** What a narrow subscription is about. */
const NARROW: readonly ClientFilter[] = [
  { kinds: ['reservation', 'task'] },
  { run_ids: ['agent-1', 'agent-2'] },
  { kinds: ['heartbeat'] },
];
/** … where a long record is cut on its way: nobody knows there whose it is. */
const NARROW_IF_CUT: readonly ClientFilter[] = NARROW.filter(({ kinds }) => kinds !== undefined);
const BACKOFF = { firstMs: 100, longestMs: 3_000 };

export interface ClientServices {
  readonly seed: number;
  readonly host: SimulatedHost;
  readonly network: SimulatedNetwork;
  readonly isAtEdge: boolean;
  /** Whether its server may not know what a long record says. */
  readonly isCut: boolean;
  readonly judge: Judge;
  /** What it may ask about. */
  readonly addresses: readonly string[];
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  readonly tell: (text: string) => void;
}

/** A client: over the SDK or over the bare wire. */
export class Client {
  readonly process: SimulatedProcess;
  /** The network of its server. */
  readonly network: SimulatedNetwork;
  readonly #random: SeededRandom;
  raw: RawClient | undefined;
  mirror: Mirror | undefined;
  bus: BusClient | undefined;
  /** The address that it asks about. */
  #asking: string | undefined;
  /** The address that was reserved or let go last, if it asks about those. */
  #changed: string | undefined;
  #isOver = false;
  #isHere = false;
  #cancelWait: () => void = () => undefined;

  constructor(
    readonly plan: ClientPlan,
    private readonly services: ClientServices,
  ) {
    this.process = new SimulatedProcess(plan.name, services.host, services.crashed);
    this.#random = new SeededRandom(services.seed, plan.name);
    this.network = services.network;
  }

  /** The address of the question that has no answer yet. */
  get asking(): string | undefined {
    return this.#asking;
  }

  start(): void {
    this.process.input(this.plan.arrivesAtMs, () => {
      this.#begin();
    });
  }

  /** Stops asking; the client still receives events. */
  end(): void {
    this.#isOver = true;
  }

  /** Closes its connection as its user does, and comes back after a time: a raw one resumes, the SDK's is a new client. */
  leaves(forMs: number): void {
    if (!this.#isHere) return;
    this.#isHere = false;
    const { raw, bus } = this;
    const isMirrored = this.plan.kind !== 'asker';
    [this.bus, this.mirror] = [undefined, undefined];
    raw?.leave();
    bus?.close().catch((error: unknown) => {
      this.services.crashed(this.process, error);
    });
    this.process.after(forMs, () => {
      this.#isHere = true;
      this.#glance();
      if (raw) raw.start();
      else this.#connect(isMirrored);
    });
  }

  /** One that asks, and is waiting for no answer, asks now. */
  hurry(about = this.#changed): void {
    if (this.plan.kind !== 'asker' || !this.bus || this.#asking !== undefined || this.#isOver) return;
    this.#cancelWait();
    this.#askAgain(about);
  }

  /** Called when an agent reserves an address or lets it go. */
  changes(address: string): void {
    if (this.plan.asksAtChanges !== true || this.plan.kind !== 'asker') return;
    this.#changed = address;
    if (!this.#random.chance(CURIOUS)) return;
    const [one, other] = [this.#random.fraction(), this.#random.fraction()];
    this.process.input(one * other * CURIOUS_MS, () => {
      this.hurry(address);
    });
  }

  #begin(): void {
    const { plan, process } = this;
    this.#isHere = true;
    switch (plan.kind) {
      case 'raw':
        this.#beginRaw({}, this.#further());
        return;
      case 'narrow raw':
        this.#beginRaw(this.#narrow());
        return;
      case 'mirror':
        this.#connect(true);
        return;
      case 'asker':
        this.#connect(false);
        this.#cancelWait = process.after(this.#random.wait(ASK_EVERY_MS), () => {
          this.#askAgain();
        });
        return;
      case 'waiter':
        this.#connect(true);
        process.after(this.#random.wait(ASK_EVERY_MS), () => {
          this.#waitAgain();
        });
        return;
    }
  }

  #narrow(): ClientFilter {
    return this.#random.pick(this.services.isCut ? NARROW_IF_CUT : NARROW);
  }

  /** Half of the further subscriptions end after some events. */
  #further(): FurtherSubscription {
    const filter = this.#narrow();
    const cap = 1 + this.#random.below(100);
    return new FurtherSubscription(`${this.plan.name} also`, { filter, ...(this.#random.chance(0.5) ? { cap } : {}) });
  }

  #beginRaw(filter: ClientFilter, further?: FurtherSubscription): void {
    const dial = this.services.network.dialFor(this.process);
    const saw = (client: RawClient, message: ServerMessage): void => {
      this.#saw(client, message);
    };
    this.raw = new RawClient(this.plan.name, filter, dial, this.process, this.#random, saw, further);
    this.raw.start();
  }

  #saw(client: RawClient, message: ServerMessage): void {
    this.services.judge.messageSeen(client.name, message);
    if (message[0] !== MessageType.events && message[0] !== MessageType.batch) return;
    for (const [, type, , id] of message[3])
      if (type === TYPE.expired) this.services.judge.expiredSeen(client.name, id);
  }

  #newBus(waitOnFirstConnect: boolean): BusClient {
    return new BusClient(this.services.network.dialFor(this.process), {
      clock: this.process,
      random: this.#random.fraction,
      backoff: BACKOFF,
      waitOnFirstConnect,
      onError: (error) => {
        this.services.crashed(this.process, error);
      },
    });
  }

  /** What users do who wait for nothing: clients that are closed before they have opened, or are connected, or once they are; and mirrors with them. */
  #glance(): void {
    const [unopened, hasty, impatient] = [this.#newBus(true), this.#newBus(true), this.#newBus(false)];
    for (const bus of [hasty, impatient]) {
      const close = (): Promise<void> => bus.close();
      bus
        .open()
        .then(close, close)
        .catch(() => undefined);
    }
    for (const bus of [unopened, hasty]) {
      bus.mirror().catch(() => undefined);
      void bus.close();
      this.#ask(bus, this.#random.pick(this.services.addresses)).catch(() => undefined);
    }
  }

  #connect(withMirror: boolean): void {
    const bus = this.#newBus(true);
    this.bus = bus;
    // Where the user has closed it, each promise of the client is rejected.
    const failed = (error: unknown): void => {
      if (this.bus === bus) this.services.crashed(this.process, error);
    };
    bus.open().catch(failed);
    if (!withMirror) return;
    bus.mirror().then((mirror) => {
      if (this.bus === bus) this.mirror = mirror;
    }, failed);
  }

  #askAgain(about?: string): void {
    const later = (): void => {
      this.#cancelWait = this.process.after(this.#random.wait(ASK_EVERY_MS), () => {
        this.#askAgain();
      });
    };
    if (this.#isOver) return;
    if (!this.bus) {
      later();
      return;
    }
    const address = about ?? this.#random.pick(this.services.addresses);
    this.#asking = address;
    this.#ask(this.bus, address)
      .finally(() => {
        this.#asking = undefined;
        later();
      })
      .catch((error: unknown) => {
        this.services.crashed(this.process, error);
      });
  }

  #question(address: string): Question {
    const { judge, isAtEdge } = this.services;
    return judge.asked(this.plan.name, address, isAtEdge);
  }

  #spelled(address: string): string {
    return this.plan.isLoose === true ? looseAddress(address, this.#random) : address;
  }

  /** Asks one question. Where the client is closed, it has no answer. */
  #ask(bus: BusClient, address: string): Promise<void> {
    const question = this.#question(address);
    return bus.holding(this.#spelled(address), { timeoutMs: ASK_TIMEOUT_MS }).then(
      ({ free }) => {
        question.answered(free);
      },
      () => {
        question.answered('none');
      },
    );
  }

  #waitAgain(): void {
    const later = (): void => {
      this.process.after(this.#random.wait(ASK_EVERY_MS), () => {
        this.#waitAgain();
      });
    };
    if (this.#isOver) return;
    const { bus, mirror } = this;
    if (!mirror) {
      later();
      return;
    }
    const address = this.#random.pick(this.services.addresses);
    const question = this.#question(address);
    this.#asking = address;
    mirror
      .whenFree(this.#spelled(address))
      .then(
        () => {
          question.answered('yes');
        },
        (error: unknown) => {
          question.answered('none');
          // Where the user has closed the client, the wait ends with it.
          if (this.bus === bus) this.services.crashed(this.process, error);
        },
      )
      .finally(() => {
        this.#asking = undefined;
        later();
      })
      .catch((error: unknown) => {
        this.services.crashed(this.process, error);
      });
  }
}
