import { Command } from 'commander';
import type { BusClient } from '../../sdk/bus-client.js';
import type { Mirror } from '../../sdk/mirror.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { readFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import { onSignal } from '../terminal/signals.js';
import { findSource, type Source } from './source.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import { paint } from '../terminal/terminal-text.js';
import { topScreen, type TopHead } from './top-screen.js';
import { topState } from './top-state.js';

type TopFlags = FormatFlags & TargetFlags & { readonly once?: boolean };

/** The screen is redrawn this often, for countdowns too. */
const DRAW_INTERVAL_MS = 500;

const CTRL_C = '\u0003';

export function topCommand(terminal: Terminal): Command {
  const command = new Command('top')
    .description('show agents, leases with countdowns, and contention, live; in a pipe once')
    .option('--once', 'print the tables once, even on a terminal');
  withTarget(withFormat(command, 'text')).action((flags: TopFlags) => top(flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus top', 'live, until q'],
      ['muse-bus top --once', 'the current state'],
      ['muse-bus top --json', 'the same as one JSON object'],
    ],
    exits: { ...USUAL_EXITS, 0: 'ended with q or Ctrl-C, or the tables were printed' },
  });
}

async function top(flags: TopFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, 'text');
  const source = await findSource(readTarget(flags), terminal);
  try {
    const mirror = await source.client.mirror();
    if (format === 'json') terminal.json(topState(mirror.swarm, mirror.moment));
    else if (terminal.isScreen && flags.once !== true) await live(source, mirror, terminal);
    else for (const line of topScreen(topState(mirror.swarm, mirror.moment), headOf(source))) terminal.out(line);
  } finally {
    await source.stop();
  }
}

const headOf = ({ client, label }: Source): TopHead => ({ label, now: client.serverNow(), trouble: troubleOf(client) });

function troubleOf({ status }: BusClient): string {
  switch (status.state) {
    case 'live':
      return '';
    case 'connecting':
      return `reconnecting (attempt ${String(status.attempt)})`;
    case 'stale':
      return `stale: ${status.cause}`;
    case 'closed':
      return 'closed';
  }
}

/** Draws until q, Ctrl-C or a signal, then restores the terminal. @throws BusError if the bus is lost. */
async function live(source: Source, mirror: Mirror, terminal: Terminal): Promise<void> {
  const draw = (): void => {
    const { columns, rows } = process.stdout;
    const lines = topScreen(topState(mirror.swarm, mirror.moment), headOf(source), { columns, rows: rows - 1 });
    terminal.draw([...lines, paint.dim('q quits')]);
  };
  terminal.openScreen();
  const timer = setInterval(draw, DRAW_INTERVAL_MS);
  process.stdout.on('resize', draw);
  try {
    draw();
    await untilQuit(source.client);
  } finally {
    clearInterval(timer);
    process.stdout.off('resize', draw);
    terminal.closeScreen();
  }
}

function untilQuit(client: BusClient): Promise<void> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      release();
      unwatch();
      process.off('SIGHUP', hangUp);
      stdin.off('data', key);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      settle();
    };
    const key = (data: Buffer): void => {
      const text = data.toString();
      if (text.includes('q') || text.includes('Q') || text.includes(CTRL_C)) finish(resolve);
    };
    const hangUp = (): void => finish(resolve);
    const release = onSignal(hangUp);
    // The terminal was closed, or somebody says so: the second screen is left in either case.
    process.once('SIGHUP', hangUp);
    const unwatch = client.watchStatus((status) => {
      if (status.state === 'closed') finish(() => reject(status.error ?? new Error('the connection was closed')));
    });
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', key);
  });
}
