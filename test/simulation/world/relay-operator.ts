import { encodeId } from '../../../server/relay/relay-names.js';
import type { BrokerLink } from '../machine/broker-session.js';
import { SeededRandom } from '../machine/seeded-random.js';
import type { Judge } from '../judge/judge.js';
import type { Edge } from './edge.js';
import { forgedRemoval, UNREADABLE } from './forging.js';
import type { Origin } from './origin.js';
import type { RelayFaultKind, RelayFaultPlan } from './relay-plan.js';
import type { RelayWorld } from './relay-world.js';
import type { SimulatedTime } from '../machine/simulated-time.js';

export interface RelayOperatorServices {
  readonly seed: number;
  readonly time: SimulatedTime;
  readonly relay: RelayWorld;
  /** The network path from the origin's host to the broker. */
  readonly originLink: BrokerLink;
  readonly edges: readonly Edge[];
  /** Another server of the same repository, on another host. */
  readonly rival: Origin;
  readonly judge: Judge;
  readonly tell: (text: string) => void;
}

/** How many unflushed messages of a stream a disk may lose. */
const MAX_LOST_MESSAGES = 20;
const MAX_REPEATED = 11;
/** So many of the last messages may not have reached all edges, or are the last of their records. */
const MAX_NEW = 20;
/** How often new messages are deleted in the time of such a fault. */
const DELETIONS = 5;

/** Faults after which an edge may have to wait for a new base. */
const SPOILING: ReadonlySet<RelayFaultKind> = new Set([
  'broker store set back',
  'broker store lost',
  'purge',
  'stream deleted',
  'message deleted',
  'foreign message',
  'repeated messages',
  'second origin',
  'broker refuses',
  'new message deleted',
  'forged message',
]);

/** Causes the faults of the relay in the plan, and repairs each one after its time. */
export class RelayOperator {
  readonly #random: SeededRandom;

  constructor(private readonly services: RelayOperatorServices) {
    this.#random = new SeededRandom(services.seed, 'relay operator');
  }

  start(faults: readonly RelayFaultPlan[]): void {
    for (const fault of faults) {
      this.services.time.after(fault.atMs, () => {
        this.services.tell(`fault: ${fault.kind} for ${String(fault.forMs)} ms`);
        if (SPOILING.has(fault.kind)) this.services.judge.edgesBlinded(fault.forMs);
        this.#strike(fault);
      });
    }
  }

  #strike({ kind, forMs, pick }: RelayFaultPlan): void {
    const { relay, originLink, edges, rival } = this.services;
    const { broker, links } = relay;
    const edge = edges[Math.floor(pick * edges.length)]!;
    const { host, network } = edge.services;
    switch (kind) {
      case 'broker killed':
        this.#away(forMs);
        return;
      case 'broker store set back':
        this.#away(forMs);
        for (const stream of broker.streams.values()) stream.loseTail(1 + Math.floor(pick * MAX_LOST_MESSAGES));
        return;
      case 'broker store lost':
        this.#away(forMs);
        broker.streams.clear();
        return;
      case 'broker cut':
        this.#cut([...links.values()], forMs);
        return;
      case 'origin link cut':
        this.#cut([originLink], forMs);
        return;
      case 'edge link cut':
        this.#cut([edge.services.relay.link], forMs);
        return;
      case 'slow link': {
        const link = [...links.values()][Math.floor(pick * links.size)]!;
        link.latencyMs += 1_000 * pick;
        this.#later(forMs, () => (link.latencyMs -= 1_000 * pick));
        return;
      }
      case 'lost receipts':
        originLink.losesReceipts = true;
        this.#later(forMs, () => (originLink.losesReceipts = false));
        return;
      case 'purge':
        broker.streams.get(relay.names.stream)?.purge();
        return;
      case 'stream deleted':
        broker.deleteStream(relay.names.stream);
        return;
      case 'message deleted': {
        const stream = broker.streams.get(relay.names.stream);
        if (stream) stream.deleteMessage(this.#someSequence(pick));
        return;
      }
      case 'new message deleted': {
        // Again and again, so that some are deleted before an edge that is away comes back.
        for (let i = 0; i < DELETIONS; i++)
          this.#later((forMs * i) / DELETIONS, () => {
            const stream = broker.streams.get(relay.names.stream);
            stream?.deleteMessage(stream.info.lastSequence - Math.floor(pick * MAX_NEW));
          });
        return;
      }
      case 'foreign message':
        broker.publish({ subject: this.#someSubject(pick), payload: this.#random.pick(UNREADABLE) });
        return;
      case 'forged message': {
        // Where nobody signs, it would be believed.
        const stream = relay.plan.isSigned === true ? broker.streams.get(relay.names.stream) : undefined;
        const forged = stream && forgedRemoval(stream);
        if (forged) broker.publish(forged);
        return;
      }
      case 'repeated messages':
        this.#repeat(pick);
        return;
      case 'edge killed':
        edge.kill();
        this.#later(forMs, () => edge.start());
        return;
      case 'edge restarted':
        edge.stop(() => this.#later(forMs, () => edge.start()));
        return;
      case 'edge stopped': {
        const { process } = edge;
        process?.stop();
        edge.sleeps(forMs);
        this.#later(forMs, () => process?.goOn());
        return;
      }
      case 'edge busy':
        edge.process?.keepBusy(forMs);
        edge.sleeps(forMs);
        return;
      case 'edge clock step': {
        const byMs = Math.round((pick - 0.5) * 7_200_000);
        host.wallOffsetMs += byMs;
        if (forMs > 60) this.#later(forMs, () => (host.wallOffsetMs -= byMs));
        return;
      }
      case 'edge network cut':
        network.cut();
        this.#later(forMs, () => network.mend());
        return;
      case 'edge connections reset':
        network.reset(() => this.#random.chance(0.5));
        return;
      case 'broker refuses': {
        const stream = broker.streams.get(relay.names.stream);
        if (!stream) return;
        stream.refuses = () => 'maximum bytes exceeded';
        this.#later(forMs, () => (stream.refuses = () => undefined));
        return;
      }
      case 'second origin':
        // If the first one runs and is reachable, the second one is refused. If it comes back earlier than the second one ends, it waits.
        if (pick < 0.7) this.#cut([originLink], pick < 0.35 ? forMs / 2 : forMs);
        rival.start();
        this.#later(forMs, () => rival.kill());
        return;
    }
  }

  #later(ms: number, act: () => void): void {
    this.services.time.after(ms, act);
  }

  #away(ms: number): void {
    const { broker } = this.services.relay;
    broker.kill();
    this.#later(ms, () => broker.start());
  }

  #cut(links: readonly BrokerLink[], ms: number): void {
    for (const link of links) link.cut();
    this.#later(ms, () => {
      for (const link of links) link.mend();
    });
  }

  #someSequence(pick: number): number {
    const { firstSequence, lastSequence } = this.services.relay.broker.stream(this.services.relay.names.stream).info;
    return firstSequence + Math.floor(pick * (lastSequence - firstSequence + 1));
  }

  #someSubject(pick: number): string {
    const { names } = this.services.relay;
    if (pick < 0.1) return names.base;
    if (pick < 0.2) return names.claim;
    return names.record(4, encodeId(`agent-${String(1 + Math.floor(pick * 20))}-task-1`));
  }

  /** Publishes old messages again, as a mirror or a restored backup does. */
  #repeat(pick: number): void {
    const { broker, names } = this.services.relay;
    const stream = broker.streams.get(names.stream);
    if (!stream || stream.info.messages === 0) return;
    const from = this.#someSequence(pick);
    const old = [];
    for (let sequence = from; old.length < MAX_REPEATED && sequence <= stream.info.lastSequence; sequence++) {
      const found = stream.find({ sequence });
      if (found) old.push(found);
    }
    for (const { subject, data } of old) broker.publish({ subject, payload: data });
  }
}
