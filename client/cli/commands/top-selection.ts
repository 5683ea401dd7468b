import type { TopRow, TopSection } from './top-sections.js';

/** The selected row of each section of `top`, and the section with the focus. A row stays selected when rows come, go or change their order. */
export class TopSelection {
  #sections: readonly TopSection[] = [];
  /** The title of the section with the focus. */
  #focus = '';
  /** The selected row of each section, by its key. */
  readonly #selected = new Map<string, string>();
  /** The first visible row of each section. */
  readonly #from = new Map<string, number>();

  get sections(): readonly TopSection[] {
    return this.#sections;
  }

  /** The section with the focus: the one that had it, or else the first with a row. */
  get focus(): number {
    const known = this.#sections.findIndex(({ title }) => title === this.#focus);
    return known >= 0
      ? known
      : Math.max(
          0,
          this.#sections.findIndex(({ rows }) => rows.length > 0),
        );
  }

  /** The selected row of the section with the focus. */
  get selected(): number {
    return this.#selectedAt(this.focus);
  }

  /** The selected row; `undefined` if its section has none. */
  get row(): TopRow | undefined {
    return this.#sections[this.focus]?.rows[this.selected];
  }

  /** The first visible row of each section, as it was drawn before. */
  get from(): readonly number[] {
    return this.#sections.map(({ title }) => this.#from.get(title) ?? 0);
  }

  /** Called with the sections that are drawn now. */
  show(sections: readonly TopSection[]): void {
    this.#sections = sections;
  }

  /** Called with the first row of each section that was drawn. */
  scrolled(from: readonly number[]): void {
    from.forEach((first, i) => this.#from.set(this.#sections[i]!.title, first));
  }

  focusOn(section: number): void {
    this.#focus = this.#sections[section]?.title ?? '';
  }

  /** Goes to the next section, or to the previous one; after the last comes the first. */
  turn(by: 1 | -1): void {
    const count = this.#sections.length;
    this.focusOn((this.focus + by + count) % Math.max(1, count));
  }

  /** @param isOnward whether a step beyond the end leads to the next section. */
  move(by: number, isOnward: boolean): void {
    const at = this.focus;
    const rows = this.#sections[at]?.rows ?? [];
    const to = this.#selectedAt(at) + by;
    if (isOnward && (to < 0 || to >= rows.length)) {
      const next =
        by > 0
          ? this.#sections.findIndex((one, i) => i > at && one.rows.length > 0)
          : this.#sections.findLastIndex((one, i) => i < at && one.rows.length > 0);
      if (next < 0) return;
      this.focusOn(next);
      const { title, rows } = this.#sections[next]!;
      this.#selected.set(title, rows.at(by > 0 ? 0 : -1)!.key);
      return;
    }
    this.focusOn(at);
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row) this.#selected.set(this.#focus, row.key);
  }

  #selectedAt(section: number): number {
    const { title = '', rows = [] } = this.#sections[section] ?? {};
    const key = this.#selected.get(title);
    const known = key === undefined ? 0 : rows.findIndex((row) => row.key === key);
    // Where the row is gone, the one that took its place is not known; the first visible one is near.
    return known >= 0 ? known : Math.min(this.#from.get(title) ?? 0, Math.max(0, rows.length - 1));
  }
}
