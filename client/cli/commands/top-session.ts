import type { BusClient } from '../../sdk/bus-client.js';
import { onSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { readKeys } from './top-keys.js';
import type { TopWindow } from './top-window.js';

/** The window is redrawn this often, for countdowns too. */
const DRAW_INTERVAL_MS = 500;

/**
 * Shows a window until a key or a signal ends it, then leaves the terminal as it was. Ctrl-Z and SIGTSTP suspend the process; when it
 * continues, the window takes the terminal again.
 * @throws BusError if the bus is lost.
 */
export async function runTopSession(
  client: BusClient,
  window: TopWindow,
  terminal: Terminal,
  draw: () => void,
): Promise<void> {
  const { stdin, stdout } = process;
  const setRaw = (isRaw: boolean): void => {
    if (stdin.isTTY) stdin.setRawMode(isRaw);
  };
  const timer = setInterval(draw, DRAW_INTERVAL_MS);
  const take = (): void => {
    // Off first: the shell has changed the terminal meanwhile, and Node would change nothing where it believes that it is raw.
    setRaw(false);
    setRaw(true);
    stdin.resume();
    terminal.openScreen();
    draw();
  };
  const suspend = (): void => {
    setRaw(false);
    terminal.closeScreen();
    process.off('SIGTSTP', suspend);
    // Like the terminal itself: to all processes of the job, such as npx.
    process.kill(0, 'SIGTSTP');
    process.on('SIGTSTP', suspend);
  };
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const onInput = (input: string): void => {
    for (const key of readKeys(input)) {
      const wish = window.press(key);
      if (wish === 'quit') {
        end();
        return;
      }
      if (wish === 'suspend') suspend();
    }
    draw();
  };
  const release = onSignal(end);
  // The terminal was closed, or somebody says so: the second screen is left in either case.
  process.once('SIGHUP', end).on('SIGCONT', take).on('SIGTSTP', suspend);
  const unwatch = client.watchStatus((status) => {
    if (status.state === 'closed') fail(status.error ?? new Error('the connection was closed'));
  });
  stdout.on('resize', draw);
  stdin.setEncoding('utf8').on('data', onInput);
  try {
    take();
    await ended;
  } finally {
    clearInterval(timer);
    release();
    unwatch();
    process.off('SIGHUP', end).off('SIGCONT', take).off('SIGTSTP', suspend);
    stdout.off('resize', draw);
    stdin.off('data', onInput);
    setRaw(false);
    stdin.pause();
    terminal.closeScreen();
  }
}
