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
}

const OPEN_SCREEN = '\u001b[?1049h\u001b[?25l';
const CLOSE_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * Returns the terminal of the process's own streams. When the reader closes standard output the command ends quietly, like other tools in a
 * pipe.
 * @param closed called then. @default ends the process with 0
 */
export function processTerminal(closed: () => void = () => process.exit(0)): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed();
  });
  // A closed stderr must not end the command.
  process.stderr.on('error', () => undefined);
  onStdoutClosed(closed);
  const isInteractive = process.stdout.isTTY;
  const colors = pc.createColors(isInteractive && process.env['NO_COLOR'] === undefined);
  const plain = pc.createColors(false);
  const write = (text: string): void => void process.stdout.write(text);
  return {
    out: (line) => write(`${TerminalText.of(line).written(colors)}\n`),
    // stderr may be redirected to a file while stdout is a terminal.
    err: (line) =>
      void process.stderr.write(`${TerminalText.of(line).written(process.stderr.isTTY ? colors : plain)}\n`),
    json: (value) => write(`${jsonLine(value)}\n`),
    jsonText: (line) => write(`${visibleJson(line)}\n`),
    openScreen: () => write(OPEN_SCREEN),
    draw: (lines) => {
      const drawn = lines.map((line) => TerminalText.of(line).written(colors) + CLEAR_LINE);
      write(HOME + drawn.join('\r\n') + CLEAR_BELOW);
    },
    closeScreen: () => write(CLOSE_SCREEN),
    drained,
    isInteractive,
  };
}

function drained(): Promise<void> {
  if (!process.stdout.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
