import type { BrokerLink } from '../machine/broker-session.js';
import type { Client } from '../world/clients.js';
import type { Edge } from '../world/edge.js';
import type { Origin } from '../world/origin.js';
import type { RelayWorld } from '../world/relay-world.js';
import type { Judge } from './judge.js';

/** How many signs of life an edge may miss before it must report that it misses them. */
const MISSED_SIGNS = 3;
/** How late the last of them may come. */
const LATE_MS = 4_000;

export interface EdgeJudgeServices {
  readonly judge: Judge;
  readonly relay: RelayWorld;
  readonly origin: Origin;
  readonly rival: Origin;
}

/** Checks what edges report about files that they cannot see. */
export class EdgeJudge {
  /** The time since which no message of an origin can reach an edge. */
  readonly #apartSince = new Map<Edge, number>();
  /** The network paths that passed nothing at the last examination. */
  readonly #cut = new Set<BrokerLink>();

  constructor(private readonly services: EdgeJudgeServices) {}

  /** Called at each event of the simulated world. */
  step(nowMs: number): void {
    const { edges, links } = this.services.relay;
    const isOriginMended = this.#isMended(links.get('origin')!);
    for (const edge of edges) {
      const isMended = this.#isMended(edge.services.relay.link) || isOriginMended;
      if (this.#isInTouch(edge)) this.#apartSince.delete(edge);
      // Held messages arrive now and count as new.
      else if (isMended || !this.#apartSince.has(edge)) this.#apartSince.set(edge, nowMs);
    }
  }

  /** Examines the edges from time to time. @param originAwakeMs how long the origin has been able to work. */
  inspect(nowMs: number, originAwakeMs: number): void {
    const { judge, relay } = this.services;
    const noticeMs = MISSED_SIGNS * relay.aliveMs + LATE_MS;
    for (const edge of relay.edges) {
      if (edge.bus?.health.healthy !== true) continue;
      // Messages that were sent before the edge stopped count as new when it continues.
      const awakeMs = nowMs - edge.awakeSinceMs;
      const apartMs = Math.min(nowMs - (this.#apartSince.get(edge) ?? nowMs), awakeMs);
      if (apartMs > noticeMs)
        judge.violated('false health', `${edge.name} says that all is well, and cannot have heard of its origin`);
      if (Math.min(judge.blindMs, awakeMs, originAwakeMs) > noticeMs)
        judge.violated('false health', `a directory cannot be looked into, and ${edge.name} says that all is well`);
    }
  }

  #isMended(link: BrokerLink): boolean {
    const wasCut = this.#cut.has(link);
    if (link.isCut) this.#cut.add(link);
    else this.#cut.delete(link);
    return wasCut && !link.isCut;
  }

  #isInTouch(edge: Edge): boolean {
    const { relay, origin, rival } = this.services;
    // The rival origin reads the same files, so what it publishes is true too.
    if (rival.process) return true;
    const isHeard = origin.bus !== undefined && origin.process?.isStopped !== true;
    const isCut = relay.links.get('origin')!.isCut || edge.services.relay.link.isCut;
    return isHeard && relay.broker.isRunning && !isCut;
  }

  rest(clients: readonly Client[], maxQueuedBytes: number): void {
    const { judge, relay, origin } = this.services;
    const hub = origin.bus?.hub;
    if (!hub) return;
    const published = origin.relay?.health;
    if (published?.state !== 'publishing' || published.behind > 0)
      judge.violated('stuck', `the origin's relay is ${JSON.stringify(published)}`);
    for (const edge of relay.edges) {
      const { bus, name, services } = edge;
      if (edge.unforeseen > 0) judge.violated('unforeseen', `${String(edge.unforeseen)} errors at ${name}`);
      if (!bus) {
        judge.violated('stuck', `${name} does not serve`);
        continue;
      }
      const { health } = bus;
      if (!health.healthy || health.origin !== 'present')
        judge.violated('stuck', `health of ${name} is ${JSON.stringify(health)}`);
      if (bus.hub.epoch !== hub.epoch || bus.hub.revision !== hub.revision) {
        const where = `${bus.hub.epoch}:${String(bus.hub.revision)}`;
        judge.violated('stuck', `${name} is at ${where}, the origin at ${hub.epoch}:${String(hub.revision)}`);
      }
      judge.groups(name, bus);
      judge.connections(
        name,
        services.network,
        bus,
        clients.filter(({ network }) => network === services.network),
        maxQueuedBytes,
      );
    }
  }
}
