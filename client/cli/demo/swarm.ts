import { join } from 'node:path';
import fs from 'fs-extra';
import { KIND_DIRECTORIES, KINDS, type Kind, type RecordData } from '../../../protocol/index.js';
import { renamePatiently } from '../../../server/repository/index.js';
import { DemoAgent, type DemoRepository } from './agent.js';
import { DemoStory, STORY_RUNS } from './story.js';

/** The average pause between two steps of an agent. */
const STEP_MS = 900;

/** Simulated agents that reserve, declare intents, send heartbeats, release, let leases lapse, claim tasks and contend for addresses. */
export class DemoSwarm implements DemoRepository {
  readonly #agents: readonly DemoAgent[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Played by three of the agents, where there are enough. */
  readonly #story: DemoStory | undefined;

  constructor(
    private readonly root: string,
    count: number,
  ) {
    const others = count - STORY_RUNS.length;
    this.#story = others > 0 ? new DemoStory(this) : undefined;
    this.#agents = Array.from({ length: this.#story ? others : count }, (_, number) => new DemoAgent(number, this));
  }

  get hasStory(): boolean {
    return this.#story !== undefined;
  }

  start(): void {
    for (const kind of KINDS) fs.ensureDirSync(this.#directory(kind));
    for (const agent of this.#agents) agent.leaveOldWork(Date.now());
    for (const agent of this.#agents) this.#stepLater(agent, Math.random() * STEP_MS);
    if (this.#story) this.#tell(this.#story);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  write(kind: Kind, id: string, data: RecordData): void {
    const file = join(this.#directory(kind), `${id}.json`);
    if (kind === 'heartbeat' || kind === 'task') {
      fs.writeJsonSync(file, data, { spaces: 2 });
      return;
    }
    const temporary = join(this.#directory(kind), `.tmp-${String(process.pid)}-${id.slice(-12)}`);
    fs.writeJsonSync(temporary, data, { spaces: 2 });
    renamePatiently(temporary, file);
  }

  remove(kind: Kind, id: string): void {
    fs.removeSync(join(this.#directory(kind), `${id}.json`));
  }

  #tell(story: DemoStory): void {
    const { pauseMs } = story.play(Date.now());
    this.#later(() => this.#tell(story), pauseMs);
  }

  #stepLater(agent: DemoAgent, delayMs: number): void {
    this.#later(() => {
      agent.step(Date.now());
      this.#stepLater(agent, STEP_MS * (0.5 + Math.random()));
    }, delayMs);
  }

  #later(call: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, delayMs);
    this.#timers.add(timer);
  }

  #directory(kind: Kind): string {
    return join(this.root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
  }
}
