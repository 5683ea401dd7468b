import { epoch, revision, type Epoch, type Revision } from '../../protocol/index.js';
import type { LostPositions } from '../store/history.js';
import type { Standing } from '../store/standing.js';
import type { StoreEvent } from '../store/store-event.js';
import { readContents, type Contents } from './contents.js';
import { DamagedJournalError } from './entries.js';
import type { Header, JournalDir } from './journal-dir.js';
import type { HighWaterMark } from './high-water-mark.js';
import type { OpenTable, Table } from './table.js';

/** What an earlier run has left: where this one goes on. */
export interface Recovered {
  readonly epoch: Epoch;
  /** The last revision that is taken. */
  readonly revision: Revision;
  /** Everything after this can be replayed; equal to `revision` minus the number of events. */
  readonly base: Revision;
  readonly standing: readonly Standing[];
  readonly events: readonly StoreEvent[];
  readonly lost?: LostPositions;
}

/** The outcome of looking for an earlier run. */
export type RecoveryResult =
  | { readonly is: 'nothing'; readonly why: string }
  /** Stopped in order: the table can be written on. */
  | {
      readonly is: 'whole';
      readonly recovered: Recovered;
      readonly table: Table;
      readonly contents: Contents;
      readonly file: string;
    }
  /** Not stopped in order: what could be read; the table is to be written anew. `lost`: so many events at most are not in it. */
  | { readonly is: 'survived'; readonly recovered: Recovered; readonly lost: number };

export interface RecoveryServices {
  readonly dir: JournalDir;
  readonly mark: HighWaterMark;
  readonly openTable: OpenTable;
  /** Reads a table where that can do no harm. @throws DamagedJournalError */
  readonly probe: (path: string) => Promise<void>;
  /** Which boot of the machine this is, where that is known. */
  readonly boot: string | undefined;
}

/**
 * Finds out what an earlier run has left, and whether it is whole.
 *
 * A sealed table is, byte for byte, what an orderly stop has left: it is opened and written on. One without a seal was in
 * use when its process died: it is read by another process first, read here, and written anew, because damage can also
 * lie where no reading finds it. How far that process had got with sending is known from the mark as long as the machine
 * has not been started anew; after that, nobody can say, and a new epoch begins.
 * @throws DamagedJournalError
 */
export async function recover(services: RecoveryServices): Promise<RecoveryResult> {
  const { dir, mark, boot } = services;
  const header = dir.readHeader();
  if (header === undefined) return { is: 'nothing', why: 'there is no journal' };
  checkFile(dir, header);
  if (header.seal) return recallSealed(services, header, header.seal);
  const sent = mark.read(epoch(header.epoch));
  if (sent === undefined || header.boot === null || header.boot !== boot) {
    return { is: 'nothing', why: 'the last run was cut off, and how far it had got is not known' };
  }
  return recallSurvived(services, header, sent);
}

function checkFile(dir: JournalDir, { file, inode }: Header): void {
  let found: string;
  try {
    found = dir.inode(file);
  } catch (error) {
    throw new DamagedJournalError(`${file} is missing`, { cause: error });
  }
  // Two journals that go on from one would use the same revisions for different events.
  if (found !== inode) throw new DamagedJournalError('it is a copy or was restored from one');
}

async function recallSealed(
  { dir, mark, openTable, boot }: RecoveryServices,
  header: Header,
  seal: NonNullable<Header['seal']>,
): Promise<RecoveryResult> {
  const { file } = header;
  if (dir.size(file) !== seal.bytes) throw new DamagedJournalError(`${file} has another size`);
  if (dir.sealOf(file, seal.revision).crc32 !== seal.crc32) {
    throw new DamagedJournalError(`${file} does not match its checksum`);
  }
  // The seal goes before the table is opened, which may write to it.
  mark.open(epoch(header.epoch), revision(seal.revision));
  dir.writeHeader({ ...header, boot: boot ?? null, seal: null });
  const table = await openTable(dir.file(file));
  try {
    const contents = readContents(table);
    check(header, contents, seal.revision === contents.newest);
    const { standing, events, base, newest } = contents;
    const recovered = { epoch: contents.epoch, revision: newest, base, standing, events };
    return { is: 'whole', recovered, table, contents, file };
  } catch (error) {
    await table.close();
    throw error;
  }
}

async function recallSurvived(
  { dir, openTable, probe }: RecoveryServices,
  header: Header,
  sent: Revision,
): Promise<RecoveryResult> {
  const path = dir.file(header.file);
  await probe(path);
  const table = await openTable(path);
  let contents: Contents;
  try {
    contents = readContents(table);
  } finally {
    await table.close();
  }
  const { standing, newest } = contents;
  check(header, contents, sent >= newest);
  const lost = sent - newest;
  if (lost === 0) {
    const { base, events } = contents;
    return { is: 'survived', recovered: { epoch: contents.epoch, revision: newest, base, standing, events }, lost };
  }
  // Events that some have been sent and others can no longer be: nobody's position up to and with the last of them can be
  // continued without a gap, so history begins after it, and those positions are answered with `restart`.
  const start = revision(sent + 1);
  return {
    is: 'survived',
    recovered: {
      epoch: contents.epoch,
      revision: start,
      base: start,
      standing,
      events: [],
      lost: { from: contents.base, to: start },
    },
    lost,
  };
}

function check(header: Header, contents: Contents, endsWhereItShould: boolean): void {
  if (contents.epoch !== header.epoch) throw new DamagedJournalError('header and table are of different epochs');
  if (!endsWhereItShould)
    throw new DamagedJournalError(`the table ends at ${String(contents.newest)}, not where it should`);
}
