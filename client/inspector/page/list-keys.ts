/** The list that the keys act on. If there is none, they act on the focusable rows of the view. */
export interface KeyList {
  /** Selects the row that is so many rows further down. */
  move(by: number): void;
  open(): void;
  /** Opens or closes the selected row of a tree. */
  toggle(toOpen: boolean): void;
  /** Returns the selected row as text, its cells separated by tabs. */
  copied(): string | undefined;
}

let current: KeyList | undefined;

/** Makes the keys act on this list until the returned function is called. */
export function bindListKeys(list: KeyList): () => void {
  current = list;
  return () => {
    if (current === list) current = undefined;
  };
}

/** Whether the view has a list that only makes elements for the rows on the screen. */
export const hasList = (): boolean => current !== undefined;

export function moveInList(by: number): void {
  if (current) {
    current.move(by);
    return;
  }
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

/** Enter moves the focus to the details, or follows the focused link. */
export function openInList(): void {
  if (current) current.open();
  else (document.activeElement as HTMLElement | null)?.click();
}

export function toggleInList(toOpen: boolean): void {
  current?.toggle(toOpen);
}

export const copiedFromList = (): string | undefined => current?.copied();
