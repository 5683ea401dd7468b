import { Command } from 'commander';
import { once } from 'node:events';
import { createWriteStream, statSync, type WriteStream } from 'node:fs';
import { jsonLine } from '../../../protocol/index.js';
import type { Subscription } from '../../sdk/subscription.js';
import { CliError } from '../cli-error.js';
import { fileError } from '../file-error.js';
import { readFilter, withFilter, type FilterFlags } from './filter-flags.js';
import { counted } from '../terminal/counted.js';
import { withHelp } from '../terminal/help.js';
import { readCap, readDuration } from './read-flag.js';
import { Deadline } from '../terminal/deadline.js';
import { onSignal } from '../terminal/signals.js';
import { findSource } from './source.js';
import { reportConnection, writeNote, type StatusNote } from '../terminal/status-notes.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';

interface RecordFlags extends FilterFlags, TargetFlags {
  readonly timeout?: string;
  readonly maxEvents?: string;
  readonly force?: boolean;
}

export function recordCommand(terminal: Terminal): Command {
  const command = new Command('record')
    .description('write events to a file as they happen, one JSON object per line')
    .argument('<file>', 'the file to create')
    .option('--force', 'overwrite an existing file')
    .option('--timeout <seconds>', 'stop after this many seconds')
    .option('--max-events <n>', 'stop after n events, including snapshot events');
  withTarget(withFilter(command)).action((file: string, flags: RecordFlags) => record(file, flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus record night.ndjson', 'all events, until Ctrl-C'],
      ['muse-bus record minute.ndjson --timeout 60', 'one minute'],
      ['muse-bus replay night.ndjson --speed 60', 'replay it, one hour in one minute'],
    ],
    exits: {
      0: 'ended by --timeout, --max-events, SIGINT or SIGTERM; the file is complete',
      1: 'bad arguments, the file cannot be written, or the bus cannot be reached or refused access',
    },
  });
}

async function record(path: string, flags: RecordFlags, terminal: Terminal): Promise<void> {
  const filter = readFilter(flags);
  const maxEvents = readCap('--max-events', flags.maxEvents);
  const timeoutMs = readDuration('--timeout', flags.timeout);
  const source = await findSource(readTarget(flags), terminal);
  try {
    const file = await openFile(path, flags.force === true);
    const subscription = source.client.subscribe(filter, maxEvents === undefined ? {} : { maxEvents });
    const end = (): void => void subscription.close();
    const deadline = new Deadline(timeoutMs, end);
    deadline.restart();
    const report = (note: StatusNote): void => {
      writeNote(note, 'text', terminal);
      file.write(`${jsonLine(note)}\n`);
    };
    const releases = [onSignal(end), reportConnection(source.client, report)];
    try {
      terminal.err(`recording to ${path} (${source.label})`);
      const count = await writeEvents(subscription, file, report);
      terminal.err(`recorded ${counted(count, 'event')} in ${path}`);
    } finally {
      for (const release of releases) release();
      deadline.stop();
      file.end();
      if (!file.closed) await once(file, 'close');
    }
  } finally {
    await source.stop();
  }
}

async function writeEvents(
  subscription: Subscription,
  file: WriteStream,
  report: (note: StatusNote) => void,
): Promise<number> {
  const broken = new Promise<never>((_resolve, reject) => {
    file.once('error', (error) => {
      reject(fileError('write', String(file.path), error));
      void subscription.close();
    });
  });
  // Awaited below. After the last write nothing awaits it.
  broken.catch(() => undefined);
  let count = 0;
  for await (const update of subscription.updates()) {
    if (update.type === 'resync') report({ status: 'resync', reason: update.reason });
    if (update.type !== 'event') continue;
    count++;
    const hasRoom = file.write(`${jsonLine(update.event)}\n`);
    if (!hasRoom) await Promise.race([once(file, 'drain'), broken]);
  }
  if (file.errored) await broken;
  return count;
}

/** @throws CliError if the file exists or cannot be created. */
async function openFile(path: string, force: boolean): Promise<WriteStream> {
  const file = createWriteStream(path, { flags: force ? 'w' : 'wx' });
  try {
    await once(file, 'open');
    return file;
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isFile();
    if (isTaken) throw new CliError(`${path} exists`, 'file_exists', 'choose another name, or add --force');
    throw fileError('write', path, error);
  }
}
