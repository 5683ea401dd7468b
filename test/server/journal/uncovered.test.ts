import t, { type Test } from 'tap';
import { CloseCode, MessageType } from '../../../protocol/index.js';
import { Bus, resolveOptions, systemClock } from '../../../server/index.js';
import type { OpenTable } from '../../../server/journal/table.js';
import { SimulatedStorage, type StorageFaults } from '../../simulation/machine/simulated-storage.js';
import { FakeSocket } from '../../support/fake-socket.js';
import { RecordingLog } from '../../support/journal-log.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

/** A disk that can be read, and on which nothing can be changed, not even a file removed. */
const FROZEN: StorageFaults = {
  fault: (call) => (call === 'read' ? undefined : 'EROFS'),
  flushMs: () => 0,
  left: () => 0,
};

/** The runs of a server on one repository and one disk, on one boot of the machine. */
class Machine {
  readonly repository = new TemporaryRepository();
  readonly storage = new SimulatedStorage();
  readonly #healthy = this.storage.faults;

  constructor(t: Test) {
    t.teardown(() => this.repository.dispose());
  }

  freeze = (): void => {
    this.storage.faults = FROZEN;
  };

  heal(): void {
    this.storage.faults = this.#healthy;
  }

  /** @param read called when the journal of the run before has been read. */
  async start(read: () => void = () => undefined): Promise<{ bus: Bus; log: RecordingLog }> {
    const tables = this.storage.tables({ input: (_ms, call) => systemClock.nextTurn(call) });
    const openTable: OpenTable = async (path, flushing) => {
      const table = await tables(path, flushing);
      return {
        entries: (prefix) => {
          read();
          return table.entries(prefix);
        },
        get: (key) => table.get(key),
        write: (changes) => table.write(changes),
        close: () => table.close(),
      };
    };
    const log = new RecordingLog();
    const journal = { openTable, checkIntegrity: () => Promise.resolve(), boot: () => 'boot-1' };
    const bus = new Bus(resolveOptions({ root: this.repository.root }), systemClock, log, { journal });
    await bus.start(() => this.storage.open());
    return { bus, log };
  }
}

const WARNING = 'a new epoch begins, because the journal of the last one can be neither kept nor removed';

/** A first run that has told revision 1, and whose journal holds it. */
async function begun(t: Test) {
  const machine = new Machine(t);
  const { bus, log } = await machine.start();
  machine.repository.rename('task', 'a', { n: 1 });
  await until('the first record is told', () => bus.hub.revision === 1);
  // An orderly stop and a start, after which the table has everything.
  await bus.stop();
  return { machine, epoch: bus.hub.epoch, log };
}

/** Subscribes. @returns the mode of the answer, the ids of the events, and how the connection was closed. */
function subscribe(bus: Bus, since?: string) {
  const socket = new FakeSocket('json');
  bus.attach(socket, 'json').message(Buffer.from(JSON.stringify([MessageType.subscribe, 1, { since }])), false);
  return {
    mode: () => socket.messages.find(([type]) => type === MessageType.subscribed)?.[3],
    ids: () =>
      socket.messages.flatMap(([type, , , events]) =>
        type === MessageType.events || type === MessageType.batch
          ? (events as unknown[][]).map((event) => event[3])
          : [],
      ),
    closed: () => socket.closedWith,
  };
}

t.test('what a journal that can be neither kept nor removed does not cover is told in a new epoch', async (t) => {
  const { machine, epoch } = await begun(t);
  const { bus, log } = await machine.start();
  t.equal(bus.hub.epoch, epoch);
  let anew = 0;
  bus.newEpochBegan = () => anew++;
  const client = subscribe(bus);
  machine.freeze();
  machine.repository.rename('task', 'b', { n: 2 });
  await until('another epoch', () => bus.hub.epoch !== epoch);
  t.equal(bus.hub.store.size, 2);
  t.same(client.ids(), ['a'], 'nobody was told of it in the old one');
  t.same(client.closed(), { code: CloseCode.goingAway, reason: 'shutdown retry=50' }, 'clients come again at once');
  t.equal(subscribe(bus, `${epoch}:1`).mode(), 'resync');
  t.equal(anew, 1);

  machine.repository.rename('task', 'c', { n: 3 });
  await until('events go on', () => bus.hub.store.size === 3);
  t.equal(anew, 1, 'a journal of another epoch is nothing that can be used again');
  t.equal(log.messages('warn').filter((is) => is === WARNING).length, 1);
  await bus.stop();

  machine.heal();
  const next = await machine.start();
  t.equal(next.bus.hub.epoch, epoch, 'the journal that was left behind is true');
  const resumed = subscribe(next.bus, `${epoch}:1`);
  t.equal(resumed.mode(), 'replay');
  t.same(resumed.ids().sort(), ['b', 'c']);
  await next.bus.stop();
});

for (const [how, isCutOff] of [
  ['stopped in order', false],
  ['cut off', true],
] as const)
  t.test(
    `a run after one that was ${how} begins a new epoch if the disk takes nothing more and something has changed`,
    async (t) => {
      const { machine, epoch } = await begun(t);
      const same = await machine.start(isCutOff ? machine.freeze : undefined);
      t.equal(same.bus.hub.epoch, epoch, 'what is told is what was told');
      await same.bus.stop();
      machine.heal();
      machine.repository.rename('task', 'b', { n: 2 });
      const changed = await machine.start(machine.freeze);
      t.not(changed.bus.hub.epoch, epoch);
      t.equal(changed.bus.hub.store.size, 2);
      t.ok(changed.log.messages('warn').includes(WARNING));
      await changed.bus.stop();
    },
  );
