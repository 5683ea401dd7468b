import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { runProgram } from '../program.js';

export interface SwarmPlan {
  readonly root: string;
  /** Leases that exist from the beginning. */
  readonly reservations: number;
  readonly eventsPerSecond: number;
}

/** A name, which is also the id of the file, and the data. */
export interface SwarmRecord {
  readonly kind: Kind;
  readonly id: string;
  readonly data: object;
}

const AGENTS = 200;
const RENEWED = 2_000;
const TICK_MS = 5;
/** If the machine is too slow, the writer falls behind and says so: it never fills its process with what is overdue. */
const MOST_OF_A_TICK = 100;
const HOUR_MS = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** Renames records in as a swarm does: leases at the beginning, then heartbeats and intents again and again until told to end. */
await runProgram(({ root, reservations, eventsPerSecond }: SwarmPlan) => {
  const directory = (kind: Kind): string => join(root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
  const write = ({ kind, id, data }: SwarmRecord): void => {
    const temporary = join(directory(kind), `.${id}.tmp`);
    writeFileSync(temporary, JSON.stringify(data));
    renameSync(temporary, join(directory(kind), `${id}.json`));
  };
  for (const kind of KINDS) mkdirSync(directory(kind), { recursive: true });
  for (let i = 0; i < reservations; i++) write({ kind: 'reservation', id: `r${String(i)}`, data: reservation(i) });
  setPriority(2);

  let written = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flood = (): void => {
    const began = Date.now();
    written = 0;
    const step = (): void => {
      const due = ((Date.now() - began) / 1_000) * eventsPerSecond;
      for (let n = 0; n < MOST_OF_A_TICK && written < due; n++) write(sign(written++));
      timer = setTimeout(step, TICK_MS);
    };
    step();
  };
  const end = (): number => {
    clearTimeout(timer);
    return written;
  };
  return { ready: true, calls: { write, flood, end }, stop: end };
});

function reservation(i: number): object {
  return {
    reservation_id: `r${String(i)}`,
    run_id: `agent-${String(i % AGENTS)}`,
    branch: ['main', 'dev', 'feature/billing'][i % 3],
    addresses: [`src/module${String(i % 50)}/file${String(i % 400)}.py::f${String(i)}`],
    created_at: iso(Date.now()),
    expires_at: iso(Date.now() + HOUR_MS),
  };
}

/** A sign of life: alternately a heartbeat and an intent. */
function sign(n: number): SwarmRecord {
  const i = n % RENEWED;
  const now = Date.now();
  const common = { reservation_id: `r${String(i)}`, run_id: `agent-${String(i % AGENTS)}`, branch: 'main', n };
  if (i % 2 === 0) {
    const times = { last_beat_at: iso(now), extended_expires_at: iso(now + HOUR_MS) };
    return { kind: 'heartbeat', id: `h${String(i)}`, data: { ...common, ...times } };
  }
  const doing = { detail: `modify f${String(i)}`, created_at: iso(now) };
  return { kind: 'intent', id: `i${String(i)}`, data: { ...common, ...doing } };
}
