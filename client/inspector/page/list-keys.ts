/** What `j`, `k` and Enter move through: the list that is shown, or else the focusable rows of the view. */
export interface KeyList {
  move(by: number): void;
  open(): void;
}

let current: KeyList | undefined;

/** The list on the screen takes the keys until the returned function is called. */
export function takeKeys(list: KeyList): () => void {
  current = list;
  return () => {
    if (current === list) current = undefined;
  };
}

export function moveInList(by: number): void {
  if (current) {
    current.move(by);
    return;
  }
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

/** Enter goes into the details, or follows the link that has the focus. */
export function openInList(): void {
  if (current) current.open();
  else (document.activeElement as HTMLElement | null)?.click();
}
