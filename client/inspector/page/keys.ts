import { VIEW_KEYS, VIEW_NAMES } from '../model/view-name.js';
import { exportFile, focusFilter, goLive, togglePause } from './actions.js';
import { moveInList, openInList } from './list-keys.js';
import { follow, overlay, select, showView, target } from './state.js';

/** After `g`, the second key must follow within this time. */
const SEQUENCE_MS = 1_200;

let goAtMs = 0;

/** Starts the one key listener of the page. Inside inputs it handles only Escape and the key of the palette. */
export function startKeys(): void {
  addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      overlay.value = overlay.value === 'palette' ? 'none' : 'palette';
      event.preventDefault();
      return;
    }
    if (event.key === 'Escape') {
      escape();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || overlay.value !== 'none' || isTyping(event.target)) return;
    if (press(event)) event.preventDefault();
  });
}

function isTyping(element: EventTarget | null): boolean {
  return element instanceof HTMLElement && element.closest('input, textarea, select, [contenteditable]') !== null;
}

function escape(): void {
  if (overlay.value !== 'none') overlay.value = 'none';
  else if (isTyping(document.activeElement)) (document.activeElement as HTMLElement).blur();
  else if (target.value) select(undefined);
}

/** Handles a key. @returns whether the key has a meaning. */
function press(event: KeyboardEvent): boolean {
  if (performance.now() - goAtMs < SEQUENCE_MS) {
    goAtMs = 0;
    const view = VIEW_NAMES.find((name) => VIEW_KEYS[name] === event.key);
    if (view) {
      showView(view);
      return true;
    }
  }
  // On a button or link these keys activate it.
  const isOnControl = event.target instanceof Element && event.target.closest('button, a, summary') !== null;
  if (isOnControl && (event.key === ' ' || event.key === 'Enter')) return false;
  const action = KEYS[event.key];
  action?.();
  return action !== undefined;
}

const KEYS: Readonly<Record<string, () => void>> = {
  g: () => (goAtMs = performance.now()),
  '?': () => (overlay.value = 'help'),
  '/': focusFilter,
  ' ': togglePause,
  f: () => {
    if (follow.value) follow.value = false;
    else goLive();
  },
  e: () => void exportFile(),
  j: () => {
    moveInList(1);
  },
  k: () => {
    moveInList(-1);
  },
  ArrowDown: () => {
    moveInList(1);
  },
  ArrowUp: () => {
    moveInList(-1);
  },
  Enter: openInList,
};
