import { Command } from 'commander';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWord } from '../../../protocol/index.js';
import { eventLine } from '../terminal/event-text.js';
import { CliError } from '../cli-error.js';
import { counted } from '../terminal/counted.js';
import { ownCommand } from '../terminal/own-command.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import { readNumber } from './read-flag.js';
import { checkReadable, readRecording, type DueEvent } from './recording.js';
import { inspectorUrl, startServer } from './serve.js';
import { wholeNumber } from '../settings/setting.js';
import { onSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

interface ReplayFlags extends FormatFlags {
  readonly speed: string;
  readonly serve?: boolean;
  readonly port: string;
}

export function replayCommand(terminal: Terminal): Command {
  const command = new Command('replay')
    .description('print or serve a recording, each event when it is due')
    .argument('<file>', 'the output of record or watch --json; - for standard input')
    .option('--speed <n>', 'replay n times as fast; 0 without pauses', '1')
    .option('--serve', 'serve it from a temporary repository, with all times moved to the present')
    .option('--port <n>', 'with --serve: the port, 0 for any free port', '0');
  withFormat(command).action((file: string, flags: ReplayFlags, self: Command) => {
    if (flags.serve !== true && self.getOptionValueSource('port') === 'cli') {
      throw new CliError('--port works only with --serve', 'bad_args', 'add --serve, or leave out --port');
    }
    return replay(file, flags, terminal);
  });
  return withHelp(command, {
    examples: [
      ['muse-bus replay night.ndjson --speed 60', 'one hour in one minute'],
      ['muse-bus replay night.ndjson --speed 0 --json', 'all events at once'],
      ['muse-bus replay night.ndjson --serve', 'serve it as a bus, until Ctrl-C'],
    ],
    exits: { ...USUAL_EXITS, 0: 'the replay is complete, or SIGINT or SIGTERM' },
  });
}

async function replay(path: string, flags: ReplayFlags, terminal: Terminal): Promise<void> {
  const speed = readNumber('--speed', flags.speed);
  if (speed < 0) throw new CliError(`--speed must be >= 0, got ${flags.speed}`);
  const port = wholeNumber(0, 65_535)(flags.port, '--port');
  const format = readFormat(flags, usualFormat(terminal));
  const stop = new AbortController();
  const release = onSignal(() => stop.abort());
  try {
    if (flags.serve === true) await serveRecording(path, { speed, port, signal: stop.signal }, terminal);
    else await printRecording(path, speed, format, stop.signal, terminal);
  } finally {
    release();
  }
}

async function printRecording(
  path: string,
  speed: number,
  format: 'text' | 'json',
  signal: AbortSignal,
  terminal: Terminal,
): Promise<void> {
  let isEmpty = true;
  for await (const { event, line } of inTime(path, speed, signal)) {
    isEmpty = false;
    if (format === 'json') terminal.jsonText(line);
    else terminal.out(eventLine(event));
    await terminal.drained();
  }
  if (isEmpty && !signal.aborted) terminal.err(`${path} has no events`);
}

interface ServeOptions {
  readonly speed: number;
  readonly port: number;
  readonly signal: AbortSignal;
}

async function serveRecording(path: string, { speed, port, signal }: ServeOptions, terminal: Terminal): Promise<void> {
  checkReadable(path);
  // Loaded on demand, because only this needs a server.
  const [{ BusServer }, { makeLog }, { ReplayRepository }] = await Promise.all([
    import('../../../server/index.js'),
    import('../terminal/log.js'),
    import('./replay-repository.js'),
  ]);
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-replay-'));
  const server = new BusServer({ root, port, log: makeLog('warn'), journal: false });
  const repository = new ReplayRepository(root, speed === 0 ? 1 : speed);
  try {
    repository.prepare();
    const endpoint = await startServer(server);
    try {
      terminal.out(`Inspector  ${inspectorUrl(endpoint)}`);
      terminal.out(`Watch it   ${ownCommand()} watch --root ${shellWord(root)}`);
      let count = 0;
      for await (const { event } of inTime(path, speed, signal)) if (repository.apply(event, Date.now())) count++;
      if (!signal.aborted) terminal.out(`${counted(count, 'change')} replayed; Ctrl-C ends the server.`);
      await aborted(signal);
    } finally {
      // Also after an invalid line: otherwise the server would keep the process.
      await server.stop();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The events of a recording, each when it is due, until the signal. */
async function* inTime(path: string, speed: number, signal: AbortSignal): AsyncGenerator<DueEvent, void, undefined> {
  const startedAt = performance.now();
  for await (const due of readRecording(path)) {
    const waitMs = speed === 0 ? 0 : due.dueMs / speed - (performance.now() - startedAt);
    if (waitMs > 0) await pause(waitMs, signal);
    if (signal.aborted) return;
    yield due;
  }
}

/** The longest delay of a timer. */
const MAX_PAUSE_MS = 2 ** 31 - 1;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, MAX_PAUSE_MS));
    signal.addEventListener('abort', done, { once: true });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
