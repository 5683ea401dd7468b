import { EdgeJudge } from './judge/edge-judge.js';
import { Judge, type Violation } from './judge/judge.js';
import { SeededRandom } from './machine/seeded-random.js';
import { SimulatedDisk } from './machine/simulated-disk.js';
import { SimulatedNetwork } from './machine/simulated-network.js';
import { SimulatedHost, type SimulatedProcess } from './machine/simulated-process.js';
import { SimulatedStorage } from './machine/simulated-storage.js';
import { SimulatedTime } from './machine/simulated-time.js';
import { addressesOf, Agent } from './world/agent.js';
import { Client } from './world/clients.js';
import { Operator } from './world/operator.js';
import { Origin } from './world/origin.js';
import { RelayOperator } from './world/relay-operator.js';
import { RelayWorld } from './world/relay-world.js';
import type { LifePlan } from './world/plan.js';
import { Repository } from './world/repository.js';

export interface LifeResult {
  readonly violation: Violation | undefined;
  /** The hash of everything that happened: the same for the same plan. */
  readonly trace: string;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly tally: Judge['tally'];
  /** What happened, one line each; empty without `withStory`. */
  readonly story: readonly string[];
}

/** The interval at which the judge examines the server. */
const INSPECT_MS = 500;

/** Runs the life of a plan and judges it. @param withStory whether to collect the lines of the story. */
export async function live(plan: LifePlan, withStory = false): Promise<LifeResult> {
  const story: string[] = [];
  const time = new SimulatedTime();
  const tell = (text: string): void => {
    if (withStory) story.push(`${time.now.toFixed(2).padStart(10)} ${text}`);
  };
  const host = new SimulatedHost(time);
  const disk = new SimulatedDisk(host);
  const repository = new Repository(disk, plan.options.settleMs);
  const isCut = plan.relay?.maxPayloadBytes !== undefined;
  const judge = new Judge(repository, tell, plan.options.settleMs, isCut);
  time.onStep = () => {
    judge.step(time.now);
  };
  const crashed = (process: SimulatedProcess, error: unknown): void => {
    judge.violated('crash', `${process.name}: ${(error as Error).stack ?? String(error)}`);
  };
  const onUnhandled = (error: unknown): void => {
    judge.violated('crash', `nobody caught: ${(error as Error).stack ?? String(error)}`);
  };
  process.on('unhandledRejection', onUnhandled);
  const { stackTraceLimit } = Error;
  // A life throws thousands of errors that are foreseen. Where one comes from is asked only when the story is told.
  if (!withStory) Error.stackTraceLimit = 0;
  try {
    const { seed } = plan;
    const storage = new SimulatedStorage();
    const network = new SimulatedNetwork(time, new SeededRandom(seed, 'network'));
    Object.assign(network.weather, plan.network);
    const random = new SeededRandom(seed, 'origin');
    const relay = plan.relay && new RelayWorld(plan.relay, { plan, time, crashed, tell });
    const wrote = ({ name }: SimulatedProcess, path: string): void => {
      judge.wrote(name, path);
    };
    const machine = { plan, host, repository, crashed, wrote, tell };
    const origin = new Origin({
      ...machine,
      ...{ name: 'origin', storage, network, random, relay: relay?.accessFrom('origin'), isKept: true },
    });
    const rival = new Origin({
      ...machine,
      ...{ name: 'rival', storage: new SimulatedStorage(), relay: relay?.accessFrom('rival'), isKept: false },
      network: new SimulatedNetwork(time, new SeededRandom(seed, 'network rival')),
      random: new SeededRandom(seed, 'rival'),
    });
    const edgeJudge = relay && new EdgeJudge({ judge, relay, origin, rival });
    const placeOf = (i: number): SimulatedNetwork =>
      relay?.networkOf(relay.plan.places[i] ?? 'origin', network) ?? network;
    const addresses = addressesOf(plan);
    const clients = plan.clients.map(
      (client, i) =>
        new Client(client, {
          ...{ seed, host, judge, addresses, crashed, tell },
          ...{ network: placeOf(i), isAtEdge: placeOf(i) !== network, isCut: isCut && placeOf(i) !== network },
        }),
    );
    const changes = (address: string): void => {
      for (const client of clients) client.changes(address);
    };
    const agents = plan.agents.map((agent) => new Agent(agent, { seed, host, repository, addresses, tell, changes }));
    const operator = new Operator({ plan, host, repository, storage, network, origin, agents, clients, judge, tell });
    origin.start();
    for (const edge of relay?.edges ?? []) edge.start();
    for (const actor of [...agents, ...clients]) actor.start();
    operator.start(plan.faults);
    if (relay) {
      const originLink = relay.links.get('origin')!;
      const relayOperator = new RelayOperator({
        seed,
        time,
        relay,
        originLink,
        edges: relay.edges,
        rival,
        judge,
        tell,
      });
      relayOperator.start(relay.plan.faults);
    }
    // An answer is most likely to be wrong where a fault begins or ends.
    for (const { atMs, forMs } of [...plan.faults, ...(relay?.plan.faults ?? [])])
      for (const at of [atMs, atMs + forMs])
        time.after(at + 1, () => {
          for (const client of clients) client.hurry();
        });
    time.onStep = () => {
      judge.step(time.now);
      edgeJudge?.step(time.now);
    };
    const inspect = (): void => {
      judge.inspect(origin, operator.awakeMs, clients, network);
      edgeJudge?.inspect(time.now, operator.awakeMs);
      time.after(INSPECT_MS, inspect);
    };
    inspect();
    const isOver = (): boolean => judge.violation !== undefined;
    try {
      await time.run(plan.activeMs, isOver);
      tell('agents and faults come to an end');
      for (const actor of [...agents, ...clients]) actor.end();
      if (!isOver()) await time.run(plan.activeMs + plan.restMs, isOver);
      if (!isOver()) {
        const { maxQueuedBytes } = plan.options;
        edgeJudge?.rest(clients, maxQueuedBytes);
        const silent = new Set([...origin.silent, ...rival.silent]);
        const writerOf = (epoch: string): string => (rival.epochs.has(epoch) ? 'rival' : 'origin');
        const gaps = new Map([...origin.gaps, ...rival.gaps]);
        judge.rest(origin, clients, network, maxQueuedBytes, { silent, gaps, writerOf });
      }
    } catch (error) {
      // What the world itself asks of a server may throw, too: the life ends, and the lives after it go on.
      judge.violated('crash', `what looks at the servers failed: ${(error as Error).stack ?? String(error)}`);
    }
    origin.kill();
    return {
      violation: judge.violation,
      trace: judge.trace,
      steps: time.steps,
      simulatedMs: time.now,
      tally: judge.tally,
      story,
    };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('unhandledRejection', onUnhandled);
  }
}
