import pc from 'picocolors';
import { jsonLine, visibleJson } from '../../../protocol/index.js';
import { onStdoutClosed } from './stdout-closed.js';
import { TerminalText, type Text } from './terminal-text.js';

/** The only way for commands to write to standard output and standard error. Every text is escaped and takes one line. */
export interface Terminal {
  out(line: Text): void;
  err(line: Text): void;
  /** A value as one line of JSON on standard output. */
  json(value: object): void;
  /** A line that is JSON already. */
  jsonText(line: string): void;
  /** Opens a second screen for drawing. Closing it restores the terminal. */
  openScreen(): void;
  draw(lines: readonly Text[]): void;
  closeScreen(): void;
  /** Resolves once the output has been read, so that the command waits for a slow reader instead of buffering. */
  drained(): Promise<void>;
  /** Whether standard output is a terminal. */
  readonly isInteractive: boolean;
  /** Whether it is one that can be drawn on: it obeys escape sequences. */
  readonly isScreen: boolean;
  /** The width of the terminal; `Infinity` where standard output is none. */
  readonly columns: number;
  /** The size of the window that {@link draw} fills. */
  readonly size: { readonly columns: number; readonly rows: number };
}

/** No line wraps on the second screen, even where the terminal finds a character wider than we do: the first line stays in view. */
const OPEN_SCREEN = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const CLOSE_SCREEN = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** What a command does when its output has no reader. */
export type WithoutReader =
  /** It ends quietly with 0, like other tools in a pipe. */
  | 'ends'
  /** It goes on, because its exit code is an answer too: 0 from `wait` means free. */
  | 'answers'
  /** It goes on, also if the output cannot be written (a full disk). */
  | 'serves';

/** Returns the terminal of the process's own streams. */
export function processTerminal(withoutReader: WithoutReader = 'ends'): Terminal {
  const closed = (): void => {
    if (withoutReader === 'ends') process.exit(0);
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // EIO: the terminal has been closed.
    if (error.code === 'EPIPE' || error.code === 'EIO' || withoutReader === 'serves') {
      closed();
      return;
    }
    process.stderr.write(`❌ the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  // A closed stderr must not end the command.
  process.stderr.on('error', () => undefined);
  if (withoutReader === 'ends') onStdoutClosed(closed);
  const isInteractive = process.stdout.isTTY;
  const obeysEscapes = process.env['TERM'] !== 'dumb';
  const colors = pc.createColors(isInteractive && obeysEscapes && process.env['NO_COLOR'] === undefined);
  const plain = pc.createColors(false);
  const write = (text: string): void => void process.stdout.write(text);
  const closeScreen = (): void => write(CLOSE_SCREEN);
  return {
    out: (line) => write(`${TerminalText.of(line).written(colors)}\n`),
    // stderr may be redirected to a file while stdout is a terminal.
    err: (line) =>
      void process.stderr.write(`${TerminalText.of(line).written(process.stderr.isTTY ? colors : plain)}\n`),
    json: (value) => write(`${jsonLine(value)}\n`),
    jsonText: (line) => write(`${visibleJson(line)}\n`),
    openScreen: () => {
      write(OPEN_SCREEN);
      process.off('exit', closeScreen).once('exit', closeScreen);
    },
    draw: (lines) => {
      // Cleared first: behind a line that fills the width, the last character would be cleared.
      const drawn = lines.map((line) => CLEAR_LINE + TerminalText.of(line).written(colors));
      write(HOME + drawn.join('\r\n') + CLEAR_BELOW);
    },
    closeScreen: () => {
      process.off('exit', closeScreen);
      closeScreen();
    },
    drained,
    isInteractive,
    isScreen: isInteractive && obeysEscapes,
    get columns() {
      // A terminal that does not know its size reports 0.
      return isInteractive ? process.stdout.columns || DEFAULT_COLUMNS : Infinity;
    },
    get size() {
      return { columns: process.stdout.columns || DEFAULT_COLUMNS, rows: process.stdout.rows || DEFAULT_ROWS };
    },
  };
}

function drained(): Promise<void> {
  if (!process.stdout.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
