/**
 * Fails a merge that would meet somebody's unfinished work: a file of the change is held by another run, or is in an open conflict.
 *
 *     node no-open-conflict.mjs REPOSITORY BASE
 *
 * Run it in the checkout. REPOSITORY has `.muse` and a bus that runs, so this is for a runner that shares the disk with the agents. BASE is the commit that the
 * change is merged into. Environment: MUSE_RUN_ID, the run whose change it is, if it holds leases of its own.
 * Exits with 1 on a conflict, and with 2 if it cannot know: a merge is not waved through because the bus is away.
 */
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { connect } from 'muse-bus-client';

const [root = '.', base = 'origin/main'] = process.argv.slice(2);
const own = process.env['MUSE_RUN_ID'];
const PAGE = 50;

/** Text of a record in a workflow command: it must not begin a command of its own. */
const escaped = (text) =>
  JSON.stringify(text).slice(1, -1).replaceAll('%', '%25').replaceAll(':', '%3A').replaceAll(',', '%2C');

function fail(file, text) {
  console.log(`::error file=${escaped(file)}::${text}`);
  process.exitCode = 1;
}

try {
  const args = ['diff', '--name-only', '-z', '--no-renames', `${base}...HEAD`];
  const files = execFileSync('git', args, { encoding: 'utf8' }).split('\0').filter(Boolean);
  const bus = await connect({ root, signal: AbortSignal.timeout(30_000) });
  for (let from = 0; from < files.length; from += PAGE) {
    const page = files.slice(from, from + PAGE);
    // It rejects where the bus cannot tell.
    const holders = await Promise.all(page.map((file) => bus.holders(file, { timeoutMs: 10_000 })));
    page.forEach((file, at) => {
      for (const { run_id, addresses, effective_expires_at: until } of holders[at]) {
        if (own !== undefined && run_id === own) continue;
        const what = `${String(run_id)} holds ${addresses.join(' ')} until ${String(until)}`;
        fail(file, `another run is at work here%0A${escaped(what)}`);
      }
    });
  }
  await bus.close();
  if (process.exitCode === undefined) console.log(`${String(files.length)} files, none is held by another run`);
} catch (error) {
  console.log(`::error::whether the change meets the work of another run is not known%3A ${escaped(error.message)}`);
  process.exitCode = 2;
}
