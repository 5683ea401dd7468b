import type { Kind } from '../../../protocol/index.js';
import type { DiskNode } from '../machine/simulated-disk.js';
import { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedHost } from '../machine/simulated-process.js';
import type { AgentPlan, LifePlan } from './plan.js';
import {
  LONG,
  looseText,
  unreadText,
  type Data,
  type Meaning,
  type RecordText,
  type UnreadForm,
} from './record-text.js';
import { directoryOf, fileOf, ROOT, type Repository } from './repository.js';

const ADDRESSES = ['src/a.ts', 'src/b.ts', 'src/c.ts::f', 'src/d.ts::C', 'docs/e.md'];

/** The addresses that agents contend for. */
export function addressesOf({ addresses = ADDRESSES.length }: LifePlan): readonly string[] {
  return Array.from({ length: addresses }, (_, i) => ADDRESSES[i] ?? `src/more/${String(i)}.ts`);
}

export interface AgentServices {
  readonly seed: number;
  readonly host: SimulatedHost;
  readonly repository: Repository;
  /** The addresses that it may reserve. */
  readonly addresses: readonly string[];
  /** Called with each action, for the story. */
  readonly tell: (text: string) => void;
  /** Called when it has begun to write that it reserves an address, or lets it go. */
  readonly changes: (address: string) => void;
}

/** More than a small message of NATS takes. */
const DETAIL = 'x'.repeat(LONG);
/** How soon a repair that does not succeed is tried again. */
const REPAIR_MS = 100;
/** The most reservations that an agent leaves behind. */
const KEPT = 3;

/** A file that the bus does not read. */
interface UnreadFile {
  readonly kind: Kind;
  readonly id: string;
  readonly data: Data;
}

type Act = 'reserve' | 'beat' | 'release' | 'intend' | 'work' | 'tidy';

/** An agent that writes as Muse's do: it reserves, sends heartbeats, releases, and removes its old files one by one. */
export class Agent {
  readonly #random: SeededRandom;
  #reservation: { readonly id: string; readonly addresses: readonly string[] } | undefined;
  /** The reservations of this agent, the oldest first. */
  readonly #past: string[] = [];
  #count = 0;
  #isOver = false;
  /** While set, a write in place stops after its first part. */
  diesWriting = false;
  /** While set, it writes what the bus does not read. */
  #unreadForm: UnreadForm | undefined;
  /** What it has written so: a path may lead to another file when its directory was moved away. */
  readonly #unread = new Map<DiskNode, UnreadFile>();
  readonly #manner: SeededRandom;
  /** What it is writing into a file: what it began before, it does not write any more. */
  readonly #filling = new WeakMap<DiskNode, Buffer>();
  readonly written: string[] = [];

  constructor(
    private readonly plan: AgentPlan,
    private readonly services: AgentServices,
  ) {
    this.#random = new SeededRandom(services.seed, plan.name);
    this.#manner = new SeededRandom(services.seed, `${plan.name} manner`);
  }

  start(): void {
    this.services.host.time.after(this.#random.fraction() * this.plan.paceMs, () => {
      this.#next();
    });
  }

  /** Stops the agent; it writes nothing more. */
  end(): void {
    this.#isOver = true;
    this.#unreadForm = undefined;
  }

  /** It writes what the bus does not read, and begins with what it is about to do. */
  writesUnread(form: UnreadForm): void {
    this.#unreadForm = form;
    this.#try(this.#reservation ? 'beat' : 'reserve');
  }

  /** It writes again what the bus reads; what it has written meanwhile it removes, or writes again. */
  writesReadably(): void {
    this.#unreadForm = undefined;
    const { disk } = this.services.repository;
    for (const [node, { kind, id, data }] of this.#unread) {
      const path = fileOf(kind, id);
      try {
        // It may have been moved away, and come back.
        if (node.links > 0 && disk.node(path) !== node) continue;
        if (node.links > 0 && this.#manner.chance(0.5)) this.write(kind, id, data);
        else if (node.links > 0) disk.remove(path);
        this.#unread.delete(node);
      } catch {
        // The directory cannot be entered.
      }
    }
    if (this.#unread.size === 0) return;
    this.services.host.time.after(REPAIR_MS, () => {
      if (this.#unreadForm === undefined) this.writesReadably();
    });
  }

  #next(): void {
    if (this.#isOver) return;
    const act = this.#reservation
      ? this.#random.pick<Act>(['beat', 'beat', 'beat', 'release', 'intend', 'work', 'work'])
      : this.#random.pick<Act>(['reserve', 'reserve', 'reserve', 'work', 'tidy']);
    this.#try(act);
    this.services.host.time.after(this.#random.wait(this.plan.paceMs), () => {
      this.#next();
    });
  }

  #try(act: Act): void {
    try {
      this.#do(act);
    } catch {
      // The directory cannot be entered or is missing: the agent continues and tries later.
      this.#reservation = undefined;
    }
  }

  #do(act: Act): void {
    const { name, leaseMs } = this.plan;
    const { host } = this.services;
    switch (act) {
      case 'reserve': {
        const id = `${name}-${String(++this.#count)}`;
        const addresses = [this.#random.pick(this.services.addresses)];
        this.#reservation = { id, addresses };
        this.#past.push(id);
        if (this.#past.length > KEPT) this.#clearAway(this.#past.shift()!);
        this.#reserve(id, addresses, this.#random.between(0.3, 1));
        this.services.changes(addresses[0]!);
        return;
      }
      case 'beat': {
        const { id, addresses } = this.#reservation!;
        const times = {
          last_beat_at: host.iso(),
          extended_expires_at: host.iso(leaseMs * this.#random.between(0.3, 1)),
        };
        this.write('heartbeat', id, { reservation_id: id, run_id: name, ...times });
        // Some prolong a lease in the reservation itself.
        const isRenewed = this.plan.isLoose === true && this.#manner.chance(0.2);
        if (isRenewed) this.#reserve(id, addresses, this.#manner.between(0, 1));
        return;
      }
      case 'release': {
        const { id, addresses } = this.#reservation!;
        this.#reservation = undefined;
        this.write('release', `${id}-release`, { reservation_id: id, run_id: name, released_at: host.iso() });
        this.services.changes(addresses[0]!);
        return;
      }
      case 'intend': {
        const { id, addresses } = this.#reservation!;
        const more = { operation: this.#random.pick(['modify', 'delete', 'rename']), created_at: host.iso() };
        this.write('intent', `${id}-intent`, { reservation_id: id, run_id: name, addresses, ...more });
        return;
      }
      case 'work': {
        const id = `${name}-task-${String(this.#random.below(3))}`;
        // Some tasks go to another run: the record then leaves one filter and enters another.
        const run = this.#random.chance(0.2) ? 'agent-1' : name;
        this.write('task', id, { run_id: run, title: `work ${String(++this.#count)}`, status: 'pending' });
        return;
      }
      case 'tidy': {
        const own = [...this.services.repository.found('task').keys()].filter((id) => id.startsWith(`${name}-`));
        if (own.length === 0) return;
        const id = this.#random.pick(own);
        this.services.tell(`${name} removes task/${id}`);
        this.services.repository.disk.remove(fileOf('task', id));
        return;
      }
    }
  }

  /** @param share of the agent's longest lease. */
  #reserve(id: string, addresses: readonly string[], share: number): void {
    const { name, leaseMs } = this.plan;
    const { host } = this.services;
    const times = { created_at: host.iso(), expires_at: host.iso(leaseMs * share) };
    this.write('reservation', id, { reservation_id: id, run_id: name, branch: name, addresses, ...times });
  }

  /** Removes a reservation and its records; the reservation first, because without its release it would hold again. */
  #clearAway(id: string): void {
    const { disk } = this.services.repository;
    const files = [
      fileOf('reservation', id),
      fileOf('heartbeat', id),
      fileOf('intent', `${id}-intent`),
      fileOf('release', `${id}-release`),
    ];
    this.services.tell(`${this.plan.name} clears reservation/${id} away`);
    for (const file of files) if (disk.node(file)) disk.remove(file);
  }

  /** Writes a record in this agent's way; ignores a failure. */
  tryToWrite(kind: Kind, id: string, data: Data): void {
    try {
      this.write(kind, id, data);
    } catch (error) {
      this.services.tell(`${this.plan.name} cannot write ${kind}/${id}: ${String(error)}`);
    }
  }

  /** Writes a record in this agent's way. */
  write(kind: Kind, id: string, data: Data): void {
    const { disk } = this.services.repository;
    const { text, meaning } = this.#textOf(data);
    this.services.repository.ensure(kind);
    const path = fileOf(kind, id);
    const { addresses } = data as { readonly addresses?: readonly string[] };
    const form = this.#unreadForm;
    const how = form === undefined ? (this.plan.isLoose === true ? `, as ${text}` : '') : `, ${form}`;
    this.services.tell(
      `${this.plan.name} writes ${kind}/${id} (${this.plan.style}${how})${addresses ? ` on ${String(addresses)}` : ''}`,
    );
    if (disk.node(path)?.is === 'link') disk.remove(path);
    if (form === 'link') this.#link(kind, id, meaning!);
    else {
      if (meaning) this.services.repository.means(text, meaning);
      this.#put(kind, id, Buffer.from(text));
    }
    const node = disk.node(path)!;
    if (form === undefined) this.#unread.delete(node);
    else this.#unread.set(node, { kind, id, data });
  }

  /** Makes a link in the place of the file, to one that means something. */
  #link(kind: Kind, id: string, meaning: Meaning): void {
    const { repository } = this.services;
    const path = fileOf(kind, id);
    const target = `/elsewhere/${id}-${String(++this.#count)}.json`;
    repository.means(target, meaning);
    if (repository.disk.node(path)) repository.disk.remove(path);
    repository.disk.link(target, path);
  }

  #put(kind: Kind, id: string, bytes: Buffer): void {
    const { disk } = this.services.repository;
    const path = fileOf(kind, id);
    switch (this.plan.style) {
      case 'in place':
        this.#fill(path, bytes);
        return;
      case 'rename':
        this.#whole(`${directoryOf(kind)}/${id}.json.tmp`, bytes);
        disk.rename(`${directoryOf(kind)}/${id}.json.tmp`, path);
        return;
      case 'mkstemp': {
        const temporary = `${directoryOf(kind)}/tmp${String(this.#random.below(1_000_000))}`;
        this.#whole(temporary, bytes);
        disk.rename(temporary, path);
        return;
      }
      case 'safe save':
        // Editors first move the old file aside: for a moment there is no file.
        if (disk.text(path) !== undefined) disk.rename(path, `${path}~`);
        this.#fill(path, bytes);
        return;
    }
  }

  #textOf(plain: Data): RecordText {
    const data = this.plan.isWordy === true && this.#manner.chance(0.3) ? { ...plain, detail: DETAIL } : plain;
    if (this.#unreadForm !== undefined) return unreadText(data, this.#unreadForm);
    return this.plan.isLoose === true ? looseText(data, ROOT, this.#manner) : { text: JSON.stringify(data) };
  }

  #whole(path: string, bytes: Buffer): void {
    this.services.repository.disk.truncate(path);
    this.services.repository.disk.write(path, bytes);
  }

  /** Opens the file, writes a part, and the rest a little later: a reader in between finds half a record or an empty file. */
  #fill(path: string, bytes: Buffer): void {
    const { disk } = this.services.repository;
    const node = disk.truncate(path);
    this.#filling.set(node, bytes);
    const isWhole = (): boolean => disk.node(path) === node && this.#filling.get(node) === bytes;
    const half = Math.floor(bytes.length * this.#random.fraction());
    this.services.host.time.after(this.#random.fraction() * 0.3, () => {
      if (isWhole()) disk.write(path, bytes.subarray(0, half));
    });
    if (this.diesWriting) return;
    this.services.host.time.after(0.3 + this.#random.fraction() * (this.#random.chance(0.1) ? 60 : 1), () => {
      if (isWhole()) disk.write(path, bytes);
    });
  }
}
