import type { Colors } from 'picocolors/types.js';
import stringWidth from 'string-width';
import { isVisible, visibleText } from '../../../protocol/index.js';

const STYLES = ['bold', 'dim', 'inverse', 'red', 'green', 'yellow', 'magenta'] as const;
export type Style = (typeof STYLES)[number];

/** A text that may be written to a terminal. A string is data: its control characters and line breaks are escaped. */
export type Text = string | TerminalText;

interface Piece {
  readonly shown: string;
  readonly style: Style | undefined;
}

/**
 * One line for a terminal: escaped pieces, each with at most one style. Only styles become escape sequences, when the terminal
 * writes the line, so a text from a record can never be one.
 */
export class TerminalText {
  readonly #pieces: readonly Piece[];

  private constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  static of(text: Text): TerminalText {
    return text instanceof TerminalText ? text : new TerminalText([{ shown: visibleText(text), style: undefined }]);
  }

  /** A text in the form that `visibleText` makes, such as a part of {@link shown}. */
  static ofVisible(shown: string): TerminalText {
    return isVisible(shown) ? new TerminalText([{ shown, style: undefined }]) : TerminalText.of(shown);
  }

  static join(texts: readonly Text[], separator = ''): TerminalText {
    const between = TerminalText.of(separator).#pieces;
    return new TerminalText(
      texts.flatMap((text, i) => [...(i === 0 ? [] : between), ...TerminalText.of(text).#pieces]),
    );
  }

  /** Pieces that have a style keep it. */
  styled(style: Style): TerminalText {
    return new TerminalText(this.#pieces.map((piece) => ({ ...piece, style: piece.style ?? style })));
  }

  /** Its width in columns: a Chinese character takes two, a combining mark none. */
  get width(): number {
    return this.#pieces.reduce((sum, { shown }) => sum + columnsOf(shown), 0);
  }

  /** The text as it is shown, without styles. */
  get shown(): string {
    return this.#pieces.map(({ shown }) => shown).join('');
  }

  padEnd(columns: number): TerminalText {
    const missing = columns - this.width;
    return missing <= 0 ? this : TerminalText.join([this, ' '.repeat(missing)]);
  }

  trimEnd(): TerminalText {
    const last = this.#pieces.findLastIndex(({ shown }) => shown.trimEnd() !== '');
    const kept = this.#pieces.slice(0, last + 1);
    return new TerminalText(kept.map((piece, i) => (i < last ? piece : { ...piece, shown: piece.shown.trimEnd() })));
  }

  /** As much of the text as fits. */
  fit(columns: number): TerminalText {
    let left = columns;
    const fitting = this.#pieces.map(({ shown, style }) => {
      const part = firstColumns(shown, left);
      left = part === shown ? left - columnsOf(shown) : 0;
      return { shown: part, style };
    });
    return new TerminalText(fitting);
  }

  /** As much of the text as fits, with `…` at the end where that is not all. */
  cut(columns: number): TerminalText {
    if (columns <= 0 || this.width <= columns) return this.fit(columns);
    const kept = this.fit(columns - 1);
    return new TerminalText([...kept.#pieces, { shown: '…', style: kept.#pieces.at(-1)?.style }]);
  }

  /** The text without its styles. */
  get plain(): TerminalText {
    return new TerminalText(this.#pieces.map(({ shown }) => ({ shown, style: undefined })));
  }

  /** The end of the text, as much as fits. */
  last(columns: number): TerminalText {
    const { shown } = this;
    if (columns <= 0) return TerminalText.of('');
    graphemes ??= new Intl.Segmenter();
    let start = shown.length;
    let width = 0;
    for (const { segment, index } of [...graphemes.segment(shown)].reverse()) {
      width += columnsOf(segment);
      if (width > columns) break;
      start = index;
    }
    return new TerminalText([{ shown: shown.slice(start), style: undefined }]);
  }

  /** The text without styles in lines of at most this width, broken at blanks where there are some. At least one line. @param most at most this many, and no more work than for them */
  wrapped(columns: number, most = Infinity): TerminalText[] {
    const lines: TerminalText[] = [];
    const add = (shown: string): void => void lines.push(new TerminalText([{ shown, style: undefined }]));
    let { shown: rest } = this;
    for (let part = firstColumns(rest, columns); part !== rest && part !== ''; part = firstColumns(rest, columns)) {
      const blank = rest[part.length] === ' ' ? part.length : part.lastIndexOf(' ');
      const end = blank > 0 ? blank : part.length;
      add(rest.slice(0, end).trimEnd());
      rest = rest.slice(end).trimStart();
      if (lines.length >= most) return lines;
    }
    if (rest !== '' || lines.length === 0) add(firstColumns(rest, columns));
    return lines;
  }

  /** The line with its escape sequences, if `colors` are enabled. */
  written(colors: Colors): string {
    return this.#pieces
      .filter(({ shown }) => shown !== '')
      .map(({ shown, style }) => (style === undefined ? shown : colors[style](shown)))
      .join('');
  }
}

/** `paint.green('ok')`. */
export const paint = Object.fromEntries(
  STYLES.map((style) => [style, (text: Text) => TerminalText.of(text).styled(style)]),
) as Readonly<Record<Style, (text: Text) => TerminalText>>;

/** A line with escaped values: `` line`${paint.green('✔')} ${name}` ``. */
export function line(words: TemplateStringsArray, ...values: readonly Text[]): TerminalText {
  return TerminalText.join(words.flatMap((word, i) => [word, ...values.slice(i, i + 1)]));
}

/** Most texts are plain ASCII, whose width needs no table. */
const columnsOf = (text: string): number => (isAscii(text) ? text.length : stringWidth(text));
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Made at its first use: it takes a tenth of the time to start, and few commands cut text. */
let graphemes: Intl.Segmenter | undefined;

function firstColumns(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (isAscii(text)) return text.slice(0, columns);
  graphemes ??= new Intl.Segmenter();
  let width = 0;
  let end = 0;
  for (const { segment, index } of graphemes.segment(text)) {
    width += columnsOf(segment);
    if (width > columns) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}
