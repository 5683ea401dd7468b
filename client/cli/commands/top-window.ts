import { compileQuery, type Query } from '../../../protocol/index.js';
import { paint, TerminalText, type Text } from '../terminal/terminal-text.js';
import type { TimeStyle } from '../terminal/time-text.js';
import { QUERY_FIELDS_OF } from './query-flag.js';
import { TopSelection } from './top-selection.js';
import { topLayout } from './top-layout.js';
import { emptyTop, topTitle, type TopHead } from './top-screen.js';
import { arranged, SORTS, type Sort } from './top-sections.js';
import { topSections } from './top-tables.js';
import type { TopState } from './top-state.js';

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the window shows. `from`: the first line of a text that may be longer than the window. */
type Mode =
  | { readonly is: 'list' }
  | { readonly is: 'filter'; readonly text: string; readonly error: string }
  | { readonly is: 'help' | 'details'; readonly from: number };

/** What a key asks of the program. */
export type Wish = 'quit' | 'suspend' | undefined;

const HELP = [
  'up down j k      select a row',
  'PgUp PgDn g G    a page, first, last',
  'Tab  1-6         next table, a table',
  'Enter            all about the row',
  '/                filter by a query:',
  '                 run:agent-4* addr:src/',
  's  r             sort, reverse',
  'Esc              back; show all rows',
  'Ctrl-Z           suspend; fg continues',
  'q  Ctrl-C        quit',
];

/** Under the tables; Enter shows all of them. */
const DETAIL_LINES = 2;
/** A window with fewer rows gives the details only one line, or none. */
const ROWS_FOR_DETAILS = 12;

/** The window on a terminal: what a key does, how rows are sorted and filtered, and the lines that follow from it. */
export class TopWindow {
  #mode: Mode = { is: 'list' };
  /** In what was drawn last: keys move it there. */
  readonly #selection = new TopSelection();
  #sort: Sort = 'usual';
  #isReversed = false;
  #filter: { readonly text: string; readonly query: Query | undefined } = { text: '', query: undefined };
  #page = 1;

  constructor(
    private readonly time: TimeStyle,
    query?: Query,
  ) {
    if (query) this.#filter = { text: query.text, query };
  }

  press(key: string): Wish {
    if (key === 'quit') return 'quit';
    if (key === 'suspend') return 'suspend';
    switch (this.#mode.is) {
      case 'filter':
        this.#type(key, this.#mode.text);
        return undefined;
      case 'help':
      case 'details':
        return this.#read(key, this.#mode);
      case 'list':
        return this.#list(key);
    }
  }

  /** The lines of the window, one for each of its rows at most. */
  draw(state: TopState, head: TopHead, { columns, rows }: WindowSize): TerminalText[] {
    const all = topSections(state, head.now, this.time);
    this.#selection.show(
      all.map((section) => ({
        ...section,
        rows: arranged(section.rows, this.#filter.query, this.#sort, this.#isReversed),
      })),
    );
    const totals = all.map((section) => section.rows.length);
    const title = paint.bold(TerminalText.of(topTitle(state, head, this.time)).cut(columns));
    const nothing = totals.some((count) => count > 0) ? '' : emptyTop(state);
    const footer = [...this.#detailLines(columns, rows, nothing), this.#statusLine(columns)];
    const room = Math.max(0, rows - 1 - footer.length);
    const body =
      this.#mode.is === 'list' || this.#mode.is === 'filter'
        ? this.#tables(totals, columns, room)
        : this.#text(columns, room);
    const filled = [title, ...body.slice(0, room)];
    while (filled.length < rows - footer.length) filled.push(TerminalText.of(''));
    return [...filled, ...footer].slice(-rows);
  }

  #tables(totals: readonly number[], columns: number, room: number): TerminalText[] {
    const { sections, focus, selected, from } = this.#selection;
    const layout = topLayout(sections, { totals, focus, selected, from, columns, room });
    this.#selection.scrolled(layout.from);
    this.#page = Math.max(1, layout.page);
    return layout.lines;
  }

  #text(columns: number, room: number): TerminalText[] {
    if (this.#mode.is !== 'help' && this.#mode.is !== 'details') return [];
    const texts: readonly Text[] =
      this.#mode.is === 'help' ? HELP : (this.#selection.row?.details() ?? ['the row is gone']);
    const lines = texts.flatMap((text) => TerminalText.of(text).wrapped(columns));
    const from = Math.max(0, Math.min(this.#mode.from, lines.length - room));
    this.#mode = { ...this.#mode, from };
    this.#page = Math.max(1, room);
    return lines.slice(from, from + room);
  }

  #detailLines(columns: number, rows: number, nothing: string): TerminalText[] {
    const count = rows >= ROWS_FOR_DETAILS ? DETAIL_LINES : rows >= ROWS_FOR_DETAILS / 2 ? 1 : 0;
    if (count === 0 || this.#mode.is === 'help' || this.#mode.is === 'details') return [];
    const error = this.#mode.is === 'filter' ? this.#mode.error : '';
    const text = error === '' ? (this.#selection.row?.details().join(' · ') ?? (nothing || this.#nothing())) : error;
    const lines = TerminalText.of(text).wrapped(columns, count + 1);
    const shown = lines.slice(0, count);
    if (lines.length > count) shown[count - 1] = TerminalText.join([shown[count - 1]!.fit(columns - 1), '…']);
    while (shown.length < count) shown.push(TerminalText.of(''));
    return shown.map((line) => (error === '' ? paint.dim(line) : paint.red(line)));
  }

  #nothing(): string {
    return this.#filter.query === undefined ? '' : 'no row of this table matches; Esc shows all';
  }

  #statusLine(columns: number): TerminalText {
    const { text } = this.#filter;
    const order =
      this.#sort === 'usual' && !this.#isReversed ? '' : `by ${this.#sort}${this.#isReversed ? ', reversed' : ''}`;
    switch (this.#mode.is) {
      case 'filter': {
        // The end of a long query is in view, because the person types there.
        const typed = TerminalText.of(`/${this.#mode.text}`);
        return TerminalText.join([typed.last(columns - 1), '_']);
      }
      case 'help':
      case 'details':
        return paint.dim(TerminalText.of('Esc back  q quits').cut(columns));
      case 'list': {
        const parts = ['q quits  ? help', text === '' ? '/ filter' : `/${text}`, order === '' ? 's sorts' : order];
        return paint.dim(TerminalText.of(parts.join('  ')).cut(columns));
      }
    }
  }

  #list(key: string): Wish {
    switch (key) {
      case 'q':
      case 'Q':
        return 'quit';
      case 'up':
      case 'k':
        this.#selection.move(-1, true);
        break;
      case 'down':
      case 'j':
        this.#selection.move(1, true);
        break;
      case 'page up':
        this.#selection.move(-this.#page, false);
        break;
      case 'page down':
      case ' ':
        this.#selection.move(this.#page, false);
        break;
      case 'home':
      case 'g':
        this.#selection.move(-Infinity, false);
        break;
      case 'end':
      case 'G':
        this.#selection.move(Infinity, false);
        break;
      case 'tab':
      case 'right':
      case 'l':
        this.#selection.turn(1);
        break;
      case 'back tab':
      case 'left':
      case 'h':
        this.#selection.turn(-1);
        break;
      case 'enter':
        if (this.#selection.row) this.#mode = { is: 'details', from: 0 };
        break;
      case '?':
      case 'help':
        this.#mode = { is: 'help', from: 0 };
        break;
      case '/':
        this.#mode = { is: 'filter', text: this.#filter.text, error: '' };
        break;
      case 'escape':
        this.#filter = { text: '', query: undefined };
        break;
      case 's':
        this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length]!;
        break;
      case 'r':
        this.#isReversed = !this.#isReversed;
        break;
      default:
        if (/^[1-9]$/.test(key) && Number(key) <= this.#selection.sections.length)
          this.#selection.focusOn(Number(key) - 1);
    }
    return undefined;
  }

  /** In a text: scrolls, or goes back. */
  #read(key: string, mode: Extract<Mode, { from: number }>): Wish {
    if (key === 'q' || key === 'Q') return 'quit';
    const steps: Readonly<Record<string, number>> = {
      ...{ up: -1, k: -1, down: 1, j: 1, home: -Infinity, g: -Infinity },
      ...{ 'page up': -this.#page, 'page down': this.#page, ' ': this.#page },
    };
    const step = steps[key];
    // Drawing bounds it at the end.
    if (step !== undefined) this.#mode = { ...mode, from: Math.max(0, mode.from + step) };
    else if (key === 'end' || key === 'G') this.#mode = { ...mode, from: Number.MAX_SAFE_INTEGER };
    else this.#mode = { is: 'list' };
    return undefined;
  }

  #type(key: string, text: string): void {
    switch (key) {
      case 'enter':
        if (this.#filterBy(text, false)) this.#mode = { is: 'list' };
        return;
      case 'escape':
        this.#filter = { text: '', query: undefined };
        this.#mode = { is: 'list' };
        return;
      case 'backspace':
        this.#edit(withoutLast(text));
        return;
      case 'clear':
        this.#edit('');
        return;
      default:
        if (Array.from(key).length === 1) this.#edit(text + key);
    }
  }

  #edit(text: string): void {
    this.#mode = { is: 'filter', text, error: '' };
    this.#filterBy(text, true);
  }

  /** Shows what matches, as far as the query can be read. */
  #filterBy(text: string, isTyping: boolean): boolean {
    const compiled = compileQuery(text, { fields: QUERY_FIELDS_OF.top, view: 'top', isTyping });
    if (!compiled.ok) {
      this.#mode = { is: 'filter', text, error: compiled.error.message };
      return false;
    }
    this.#filter = compiled.query.isEmpty ? { text: '', query: undefined } : { text, query: compiled.query };
    return true;
  }
}

/** Removes the last character as a person counts them. */
function withoutLast(text: string): string {
  const parts = [...new Intl.Segmenter().segment(text)];
  return text.slice(0, parts.at(-1)?.index ?? 0);
}
