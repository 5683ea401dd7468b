import { execFile } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DamagedJournalError } from './entries.js';

const PATIENCE_MS = 30_000;

/**
 * Reads a table in another process, because a damaged file can crash the process that reads it.
 * @throws DamagedJournalError if that process fails, crashes, or takes longer than 30 seconds.
 */
export async function checkIntegrity(path: string): Promise<void> {
  const here = fileURLToPath(import.meta.url);
  const script = fileURLToPath(new URL(`./integrity-check-main${extname(here)}`, import.meta.url));
  const args = [...process.execArgv, script, path];
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, args, { timeout: PATIENCE_MS, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
      if (!error) resolve();
      else reject(new DamagedJournalError(why(error, stderr), { cause: error }));
    });
  });
}

function why({ code, signal }: { code?: unknown; signal?: unknown }, stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return typeof signal === 'string' ? `reading it ends with ${signal}` : `reading it fails (${String(code)}): ${last}`;
}
