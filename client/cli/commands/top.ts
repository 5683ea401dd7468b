import { Command } from 'commander';
import type { BusClient } from '../../sdk/bus-client.js';
import type { Mirror } from '../../sdk/mirror.js';
import { unseenOf } from '../../sdk/unseen.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import {
  readFormat,
  widthOf,
  withFormat,
  withWide,
  type FormatFlags,
  type PrintFlags,
} from '../terminal/output-format.js';
import { findSource, type Source } from './source.js';
import { readQueryFlag, withQuery, type QueryFlags } from './query-flag.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import { readTime, withTime, type TimeFlags } from '../terminal/time-text.js';
import { topScreen, type TopHead } from './top-screen.js';
import { runTopSession } from './top-session.js';
import { topState, type TopState } from './top-state.js';
import { TopWindow } from './top-window.js';

interface TopFlags extends FormatFlags, PrintFlags, QueryFlags, TargetFlags, TimeFlags {
  readonly once?: boolean;
}

export function topCommand(terminal: Terminal): Command {
  const command = new Command('top')
    .description('show agents, leases with countdowns, and who waits for whom, live; in a pipe once')
    .option('--once', 'print the tables once, even on a terminal');
  withTarget(withWide(withTime(withFormat(withQuery(command), 'text'), 'utc'))).action((flags: TopFlags) =>
    top(flags, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus top', 'live, until q; ? lists the keys'],
      ["muse-bus top --once --query 'run:agent-4*'", 'the current state of some agents'],
      ['muse-bus top --json', 'the same as one JSON object'],
    ],
    exits: { ...USUAL_EXITS, 0: 'ended with q or Ctrl-C, or the tables were printed' },
  });
}

async function top(flags: TopFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, 'text');
  const time = readTime(flags) ?? 'utc';
  const query = readQueryFlag(flags.query, 'top');
  const source = await findSource(readTarget(flags), terminal);
  try {
    const mirror = await source.client.mirror();
    const state = stateOf(mirror);
    if (format === 'json') terminal.json(state());
    else if (terminal.isScreen && flags.once !== true) {
      const window = new TopWindow(time, query);
      const draw = (): void => terminal.draw(window.draw(state(), headOf(source), terminal.size));
      await runTopSession(source.client, window, terminal, draw);
    } else
      for (const line of topScreen(state(), headOf(source), widthOf(flags, terminal), query, time)) terminal.out(line);
  } finally {
    await source.stop();
  }
}

/** How old what a key shows may be. A state of many agents takes longer to compute than a repeated key takes to come again. */
const KEPT_MS = 250;

/** Computes the state of a mirror again when it has changed, or when time has passed: leases end without an event. */
function stateOf(mirror: Mirror): () => TopState {
  let known: { readonly state: TopState; readonly version: number; readonly now: number } | undefined;
  return () => {
    const { version, moment } = mirror;
    if (known?.version !== version || Math.abs(moment.now - known.now) >= KEPT_MS)
      known = { state: topState(mirror.swarm, moment), version, now: moment.now };
    return known.state;
  };
}

const headOf = ({ client, label }: Source): TopHead => ({ label, now: client.serverNow(), trouble: troubleOf(client) });

function troubleOf({ status }: BusClient): string {
  switch (status.state) {
    case 'live': {
      const unseen = status.health && unseenOf(status.health);
      return unseen ? `may be outdated: ${unseen.why}` : '';
    }
    case 'connecting':
      return `reconnecting (attempt ${String(status.attempt)})`;
    case 'stale':
      return `stale: ${status.cause}`;
    case 'closed':
      return 'closed';
  }
}
