import pc from 'picocolors';
import { jsonLine, visibleJson } from '../../../protocol/index.js';
import { onStdoutClosed } from './stdout-closed.js';
import { TerminalText, type Text } from './terminal-text.js';

/**
 * Where a command writes: the only way to standard output and standard error. Whatever it is given is shown and not obeyed, and takes
 * one line.
 */
export interface Terminal {
  out(line: Text): void;
  err(line: Text): void;
  /** A value as one line of JSON on standard output. */
  json(value: object): void;
  /** A line of JSON that is written already. */
  jsonText(line: string): void;
  /** A screen that is drawn over, until it is closed: the terminal is left as it was found. */
  openScreen(): void;
  draw(lines: readonly Text[]): void;
  closeScreen(): void;
  /** Resolves once the reader has taken what was written, so that a slow one is waited for instead of buffered for. */
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
 * The process's own streams. A reader that goes away ends the command quietly, as with any tool in a pipe.
 * @param gone what to do then. @default ends the process with 0
 */
export function processTerminal(gone: () => void = () => process.exit(0)): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone();
  });
  // Nobody reads what goes wrong: no reason to go wrong oneself.
  process.stderr.on('error', () => undefined);
  onStdoutClosed(gone);
  const isInteractive = process.stdout.isTTY;
  const colors = pc.createColors(isInteractive && process.env['NO_COLOR'] === undefined);
  const plain = pc.createColors(false);
  const write = (text: string): void => void process.stdout.write(text);
  return {
    out: (line) => write(`${TerminalText.of(line).written(colors)}\n`),
    // Redirected to a file by itself it would carry the colors of a terminal that it is not.
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
