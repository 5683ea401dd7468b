/**
 * Browsers refuse more than about a hundred changes of the address in half a minute, some with an exception. Dragging the bar of time makes
 * sixty in a second.
 */
const MAX_ENTRIES = 60;
const WITHIN_MS = 30_000;
const LATER_MS = 1_000;

/** When the last changes were made. */
let madeMs: number[] = [];
let later: { readonly hash: string; readonly timer: ReturnType<typeof setTimeout> } | undefined;

/** Makes an entry of its own in the history of the tab. */
export function pushEntry(hash: string): void {
  if (later) change('replaceState', later.hash);
  dropLater();
  change('pushState', hash);
}

/** Changes the present entry: at once or, after very many changes, a little later. */
export function replaceEntry(hash: string): void {
  const now = performance.now();
  madeMs = madeMs.filter((ms) => now - ms < WITHIN_MS);
  dropLater();
  if (madeMs.length < MAX_ENTRIES) {
    change('replaceState', hash);
    return;
  }
  const timer = setTimeout(() => {
    later = undefined;
    change('replaceState', hash);
  }, LATER_MS);
  later = { hash, timer };
}

/** Forgets a change that is still to come: the person has gone to another entry. */
export function dropLater(): void {
  clearTimeout(later?.timer);
  later = undefined;
}

function change(how: 'pushState' | 'replaceState', hash: string): void {
  madeMs.push(performance.now());
  try {
    history[how](null, '', hash);
  } catch {
    // Refused: the address says where the page was before.
  }
}
