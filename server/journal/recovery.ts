import { epoch, revision, type Epoch, type Revision } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { LostPositions } from '../store/history.js';
import type { FindElsewhere, FoundTail } from '../store/lost-tail.js';
import { standingAfterAll, type Standing } from '../store/standing.js';
import type { StoreEvent } from '../store/store-event.js';
import { readContents, type Contents } from './contents.js';
import { DamagedJournalError } from './entries.js';
import type { Header, JournalDir } from './journal-dir.js';
import type { HighWaterMark } from './high-water-mark.js';
import type { OpenTable, Table } from './table.js';

/** The state of an earlier run, from which this run continues. */
export interface Recovered {
  readonly epoch: Epoch;
  /** The last revision that is in use. */
  readonly revision: Revision;
  /** The revision before the first event. */
  readonly base: Revision;
  readonly standing: readonly Standing[];
  /** Where a revision is missing among them or after them, nothing is known of it. */
  readonly events: readonly StoreEvent[];
  readonly lost?: LostPositions;
}

/** The result of reading the journal of an earlier run. */
export type RecoveryResult =
  | { readonly is: 'nothing'; readonly why: string }
  /** The run was stopped in order: the same table can be used further. */
  | {
      readonly is: 'whole';
      readonly recovered: Recovered;
      readonly table: Table;
      readonly contents: Contents;
      readonly file: string;
    }
  /** The run was not stopped in order: the table must be rewritten. `lost`: at most this many sent events are not in it. */
  | { readonly is: 'survived'; readonly recovered: Recovered; readonly lost: number };

export interface RecoveryServices {
  readonly dir: JournalDir;
  readonly mark: HighWaterMark;
  readonly openTable: OpenTable;
  /** Checks a table that may be damaged, in another process. @throws DamagedJournalError */
  readonly checkIntegrity: (path: string) => Promise<void>;
  /** The id of this boot of the machine; `undefined` if it is not known. */
  readonly boot: string | undefined;
  readonly findElsewhere: FindElsewhere;
}

/** Calls {@link recover}. If it fails, logs the error and returns `nothing`, so that a new epoch begins. */
export async function recoverOrBeginAgain(
  services: RecoveryServices & { readonly clock: Clock; readonly log: Log },
): Promise<RecoveryResult> {
  const { dir, mark, log } = services;
  try {
    dir.ensure();
    const found = await recover(services);
    if (found.is === 'nothing') {
      log.info({ why: found.why }, 'a new epoch begins');
      dir.removeHeader();
    } else if (found.is === 'survived') {
      log.warn(
        { lost_at_most: found.lost, epoch: found.recovered.epoch, revision: found.recovered.revision },
        'the last run did not stop in order; its journal is continued',
      );
    }
    return found;
  } catch (error) {
    mark.close();
    const why = (error as Error).message;
    if (error instanceof DamagedJournalError) setAside(dir, error, services);
    else log.error({ err: error }, `the journal cannot be read: ${why}; a new epoch begins`);
    return { is: 'nothing', why };
  }
}

function setAside(
  dir: JournalDir,
  error: DamagedJournalError,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): void {
  try {
    const name = dir.setAside(clock.now());
    dir.ensure();
    log.error({ err: error, kept_as: name }, `the journal is damaged: ${error.message}; a new epoch begins`);
  } catch (failure) {
    log.error({ err: failure }, `the journal is damaged (${error.message}) and cannot be moved away`);
  }
}

/**
 * Reads the journal of an earlier run and checks whether it is whole.
 *
 * A sealed table is compared with its seal, byte for byte: it is as an orderly stop has left it, and is used further. A table
 * without a seal was in use when its process ended. Another process reads it first, then this one does. It is rewritten,
 * because no reading finds every damage. The mark says which revisions may have been sent, but only during the same boot of the
 * machine. After another boot this is not known, and a new epoch begins.
 * @throws DamagedJournalError
 */
async function recover(services: RecoveryServices): Promise<RecoveryResult> {
  const { dir, mark, boot } = services;
  const header = dir.readHeader();
  if (header === undefined) return { is: 'nothing', why: 'there is no journal' };
  if (!dir.hasTable(header.file)) throw new DamagedJournalError(`${header.file} is missing`);
  if (header.seal) return recoverSealed(services, header, header.seal);
  checkIsOriginal(dir, header);
  const sent = mark.read(epoch(header.epoch));
  if (sent === undefined || header.boot === null || header.boot !== boot) {
    return { is: 'nothing', why: 'the last run was cut off, and how far it had got is not known' };
  }
  return recoverUnsealed(services, header, sent);
}

/**
 * If a journal and its copy both continued, they would use the same revisions for different events. A copy may also be written over the
 * file, which keeps its inode; and over some mounts each process, or each mount, sees other inodes. The time of change of a sealed table
 * shows both.
 * @throws DamagedJournalError
 */
function checkIsOriginal(dir: JournalDir, { file, inode, changed, seal }: Header): void {
  const isOriginal = seal && changed !== undefined ? dir.changedAt(file) === changed : dir.inode(file) === inode;
  if (!isOriginal) throw new DamagedJournalError('it is a copy or was restored from one');
}

async function recoverSealed(
  { dir, mark, openTable, boot }: RecoveryServices,
  header: Header,
  seal: NonNullable<Header['seal']>,
): Promise<RecoveryResult> {
  const { file } = header;
  if (dir.size(file) !== seal.bytes) throw new DamagedJournalError(`${file} has another size`);
  if (dir.sealOf(file, seal.revision).crc32 !== seal.crc32) {
    throw new DamagedJournalError(`${file} does not match its checksum`);
  }
  checkIsOriginal(dir, header);
  // The seal is removed before the table is opened, because opening may write to it.
  mark.open(epoch(header.epoch), revision(seal.revision));
  dir.writeHeader({ ...header, boot: boot ?? null, seal: null });
  mark.joinHeader();
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

async function recoverUnsealed(
  { dir, openTable, checkIntegrity, findElsewhere }: RecoveryServices,
  header: Header,
  sent: Revision,
): Promise<RecoveryResult> {
  const path = dir.file(header.file);
  await checkIntegrity(path);
  const table = await openTable(path);
  let contents: Contents;
  try {
    contents = readContents(table);
  } finally {
    await table.close();
  }
  const { standing, newest, base, events } = contents;
  check(header, contents, sent >= newest);
  const lost = sent - newest;
  if (lost === 0) {
    return { is: 'survived', recovered: { epoch: contents.epoch, revision: newest, base, standing, events }, lost };
  }
  const found = await findElsewhere({ epoch: contents.epoch, after: newest, upTo: sent });
  if (found)
    return { is: 'survived', recovered: continued(contents, sent, found), lost: sent - revisionOf(found, newest) };
  // Some clients may have been sent the lost events, and no others can be. So no client can resume without a gap from a
  // revision up to and including the last of them. The history begins after it, and such cursors get `restart`.
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

/** The last revision that is known, with what was found elsewhere. */
const revisionOf = ({ reached }: FoundTail, newest: Revision): Revision => (reached > newest ? reached : newest);

/**
 * Returns a journal's content with the events that were found elsewhere. Of the revisions after them that may have been sent nothing is
 * known, and they are not used again. Who has been told up to there can go on: what those revisions had changed is found on the disk.
 */
function continued(contents: Contents, sent: Revision, found: FoundTail): Recovered {
  const { epoch, base } = contents;
  const isAll = revisionOf(found, contents.newest) === sent;
  return {
    epoch,
    revision: isAll ? sent : revision(sent + 1),
    base,
    standing: standingAfterAll(contents.standing, found.events),
    events: [...contents.events, ...found.events],
  };
}

function check(header: Header, contents: Contents, endsWhereItShould: boolean): void {
  if (contents.epoch !== header.epoch) throw new DamagedJournalError('header and table are of different epochs');
  if (!endsWhereItShould)
    throw new DamagedJournalError(`the table ends at ${String(contents.newest)}, not where it should`);
}
