import { writeFileSync } from 'node:fs';
import { MessageType, revision, unixMillis, type Encoding } from '../../protocol/index.js';
import { systemClock } from '../../server/runtime/clock.js';
import { FanOut } from '../../server/delivery/fan-out.js';
import { frameOf } from '../../server/delivery/frames.js';
import { Hub } from '../../server/delivery/hub.js';
import { EPOCH_RANDOM_BYTES, newEpoch } from '../../server/store/epoch.js';
import { silentLog } from '../../server/runtime/log.js';
import { DEFAULT_LIMITS } from '../../server/config/options.js';
import { SessionManager } from '../../server/session-manager.js';
import { RecordStore } from '../../server/store/record-store.js';
import { RecordVersion } from '../../server/store/record-version.js';
import { StoreEvent } from '../../server/store/store-event.js';
import { chooseTransport } from '../../server/network/choose-transport.js';
import { CheckedDirectories } from '../../server/watch/checked-directories.js';
import { CoordinationDir } from '../../server/watch/coordination-dir.js';
import { IgnoredFiles } from '../../server/watch/ignored-files.js';
import { Ingest } from '../../server/watch/ingest.js';
import { RecordReader } from '../../server/watch/record-reader.js';
import { Warnings } from '../../server/watch/warnings.js';
import { runProgram, type Running } from '../program.js';
import { benchRecord } from '../record.js';

/** The parts of an event's way that are measured separately. */
export type HotPathPart = 'ingest' | 'match' | 'frame' | 'send';

export interface HotPathPlan {
  readonly part: HotPathPart;
  readonly root: string;
}

/** Runs one part of the hot path for a number of events, and nothing else. The figure is the difference between two numbers. */
type Work = (events: number) => void | Promise<void>;

const FILES = 200;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** From a named hint to the store's event: the file is opened, checked, read, parsed and compared. */
function ingest(root: string): Work {
  const dir = new CoordinationDir(root);
  const names = Array.from({ length: FILES }, (_, i) => `file-${String(i)}`);
  names.forEach((id, i) => writeFileSync(dir.file('intent', id), JSON.stringify(benchRecord(id, i))));
  const { maxRecordBytes: maxBytes, maxRecordDepth: maxDepth, maxIdBytes } = DEFAULT_LIMITS;
  const warnings = new Warnings(silentLog);
  const admits = (): boolean => true;
  const directories = new CheckedDirectories(dir);
  directories.open();
  const reader = new RecordReader({ directories, maxBytes, maxDepth, admits, warn: () => undefined });
  // Each reading finds another state, without a writer, whose instructions would be counted too.
  let state = 0n;
  const changing = {
    read: (...record: Parameters<RecordReader['read']>) => {
      const reading = reader.read(...record);
      if (reading.is !== 'present') throw new Error(`the file is ${reading.is}`);
      return { ...reading, signature: { ...reading.signature, mtimeNs: ++state } };
    },
  } as unknown as RecordReader;
  let events = 0;
  const sink = new Ingest({
    store: new RecordStore(),
    reader: changing,
    clock: systemClock,
    ignored: new IgnoredFiles(warnings, maxIdBytes),
    warnings,
    settleMs: 200,
    publish: (published) => (events += published.length),
    rescan: () => Promise.resolve(true),
    admits: () => true,
    folds: () => false,
    listedName: () => undefined,
    seen: (kinds) => new Set(kinds),
    known: (kinds) => new Set(kinds),
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    hintsSuffice: () => true,
    reconcileSoon: () => undefined,
  });
  sink.start();
  return async (count) => {
    const until = events + count;
    for (let i = 0; i < count; i++) {
      sink.file('intent', `${names[i % FILES]!}.json`);
      await turn();
    }
    if (events !== until) throw new Error(`${String(events)} events instead of ${String(until)}`);
  };
}

function eventOf(seq: number): StoreEvent {
  const data = { ...benchRecord('hot', seq), run_id: 'hot' };
  const at = unixMillis(1_700_000_000_000 + seq);
  const version = new RecordVersion('intent', 'hot', data, revision(seq), at, undefined, undefined);
  return new StoreEvent(revision(seq), 'added', at, undefined, version);
}

const FILTERS = 2_000;
const MATCHING = 10;

/** Finds the ten filters of two thousand that match an event. */
function match(): Work {
  const fanOut = new FanOut(revision(0), DEFAULT_LIMITS.maxQueuedBytes);
  for (let n = 0; n < FILTERS; n++) {
    const run_ids = n < MATCHING ? ['hot', `other-${String(n)}`] : [`run-${String(n)}`];
    fanOut.acquire({ run_ids }, 'msgpack', () => false);
  }
  const event = eventOf(1);
  return (count) => {
    for (let i = 0; i < count; i++) fanOut.publish([event]);
  };
}

/** Packs a record, its event, and a frame around it. */
function frame(): Work {
  const data = { ...benchRecord('hot', 1) };
  return (count) => {
    for (let i = 1; i <= count; i++) {
      const at = unixMillis(1_700_000_000_000);
      const version = new RecordVersion('intent', 'hot', data, revision(i), at, undefined, undefined);
      const event = new StoreEvent(revision(i), 'added', at, undefined, version);
      frameOf({ type: MessageType.events, to: 1, first: i }, [event.encoded('plain', 'msgpack')], 'msgpack');
    }
  };
}

/** From an event in the history to the sockets of all clients, one event per turn. */
async function send(): Promise<{ readonly url: string; readonly work: Work }> {
  const epoch = newEpoch(systemClock.now(), new Uint8Array(EPOCH_RANDOM_BYTES));
  const hub = new Hub({ epoch, store: new RecordStore() }, DEFAULT_LIMITS);
  const source = {
    health: () => ({ backend: 'none', healthy: true, last_scan_ms: 0 }),
    backlog: () => ({ pending: 0, unsettled: 0 }),
    journal: () => ({ state: 'off' as const }),
    readNow: () => Promise.resolve(),
  };
  const options = { limits: DEFAULT_LIMITS, heartbeatMs: 60_000, idleTimeoutMs: 120_000 };
  const service = new SessionManager(hub, source, options, systemClock, silentLog);
  const transport = chooseTransport('auto', silentLog);
  const reply = { status: 404, headers: {}, body: '' };
  const encoding: Encoding = 'msgpack';
  const port = await transport.listen(
    {
      host: '127.0.0.1',
      port: 0,
      maxPayloadBytes: 65_536,
      maxBackpressureBytes: 1 << 24,
      idleTimeoutMs: 120_000,
      maxPendingConnections: 4_096,
      tls: undefined,
    },
    {
      http: () => reply,
      upgrade: () => ({
        accept: true,
        encoding,
        subprotocol: undefined,
        owner: { open: (socket) => service.attach(socket, encoding) },
      }),
      pendingOverflow: () => undefined,
    },
  );
  let seq = 0;
  const work: Work = async (count) => {
    for (let i = 0; i < count; i++) {
      hub.publish([eventOf(++seq)]);
      await turn();
    }
  };
  return { url: `ws://127.0.0.1:${String(port)}`, work };
}

async function prepare({ part, root }: HotPathPlan): Promise<{ readonly ready: unknown; readonly work: Work }> {
  switch (part) {
    case 'ingest':
      return { ready: true, work: ingest(root) };
    case 'match':
      return { ready: true, work: match() };
    case 'frame':
      return { ready: true, work: frame() };
    case 'send': {
      const { url, work } = await send();
      return { ready: { url }, work };
    }
  }
}

await runProgram(async (plan: HotPathPlan): Promise<Running> => {
  const { ready, work } = await prepare(plan);
  return { ready, calls: { work: (events: number) => Promise.resolve(work(events)).then(() => null) } };
});
