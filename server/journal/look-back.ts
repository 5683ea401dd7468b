import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { DamagedJournalError } from './entries.js';
import type { JournalDir } from './journal-dir.js';
import { recover, type RecoveryServices, type RecoveryResult } from './recovery.js';

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
