import { VIEW_KEYS, VIEW_NAMES } from '../model/view-name.js';
import { askTold, exportFile, findInList, focusFilter, goLive, togglePause } from './actions.js';
import { copiedFromList, hasList, moveInList, openInList, toggleInList } from './list-keys.js';
import { follow, isUtc, overlay, say, select, showView, target } from './state.js';

/** After `g`, the second key must be pressed within this time, however late a busy page handles it. */
const SEQUENCE_MS = 1_200;

/** How many rows PageUp and PageDown move. */
const PAGE = 20;

let goAtMs = -Infinity;

/** Starts the one key listener of the page. Inside inputs it handles only Escape and the key of the palette. */
export function startKeys(): void {
  addEventListener('keydown', (event) => {
    // Such a key belongs to the input method.
    if (event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && latinKey(event).toLowerCase() === 'k') {
      overlay.value = overlay.value === 'palette' ? 'none' : 'palette';
      event.preventDefault();
      return;
    }
    if (asksToFind(event)) {
      findInList();
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
  addEventListener('copy', (event) => {
    if (isTyping(document.activeElement) || getSelection()?.isCollapsed === false) return;
    const row = copiedFromList();
    if (row === undefined || !event.clipboardData) return;
    event.clipboardData.setData('text/plain', row);
    event.preventDefault();
    say('Row copied');
  });
}

/**
 * Whether the browser is asked to find a text, and would find it only in the rows on the screen. Asked again from within the filter, the
 * browser may do it.
 */
function asksToFind(event: KeyboardEvent): boolean {
  const isFind = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && latinKey(event) === 'f';
  return isFind && hasList() && overlay.value === 'none' && !isTyping(event.target);
}

const NO_TEXT = ['button', 'checkbox', 'radio', 'range', 'submit', 'reset', 'file', 'color'];

/** Whether the element takes text. A checkbox or a slider does not, so the keys stay alive there. */
function isTyping(element: EventTarget | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement) return !NO_TEXT.includes(element.type);
  return element.closest('textarea, select, [contenteditable]') !== null;
}

/** Whether the element itself uses the keys that move: a slider. */
const isSlider = (element: EventTarget | null): boolean =>
  element instanceof HTMLInputElement && element.type === 'range';

function escape(): void {
  if (overlay.value !== 'none') overlay.value = 'none';
  else if (isTyping(document.activeElement)) focusMain();
  else if (target.value) {
    select(undefined);
    focusMain();
  }
}

/** Puts the focus into the view, so that the next Tab goes on from there and not from the top of the page. */
function focusMain(): void {
  const main =
    document.querySelector<HTMLElement>('main .list-scroller') ?? document.querySelector<HTMLElement>('main');
  main?.focus({ preventScroll: true });
}

/** Returns the key as a latin keyboard has it in the same place: on others its letters type Greek, Cyrillic or Hebrew ones. */
function latinKey({ key, code, shiftKey }: KeyboardEvent): string {
  if (/^[\x20-\x7e]+$/.test(key)) return key;
  if (code === 'Slash') return shiftKey ? '?' : '/';
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : key;
}

/** Handles a key. @returns whether the key has a meaning. */
function press(event: KeyboardEvent): boolean {
  const key = latinKey(event);
  if (event.timeStamp - goAtMs < SEQUENCE_MS) {
    goAtMs = -Infinity;
    const view = VIEW_NAMES.find((name) => VIEW_KEYS[name] === key);
    if (view) {
      showView(view);
      return true;
    }
  }
  // On a button or link these keys activate it.
  const isOnControl = event.target instanceof Element && event.target.closest('button, a, summary, input') !== null;
  if (isOnControl && (event.key === ' ' || event.key === 'Enter')) return false;
  if (isSlider(event.target) && /^(Arrow|Page|Home|End)/.test(event.key)) return false;
  const action = KEYS[key];
  action?.(event);
  return action !== undefined;
}

const KEYS: Readonly<Record<string, (event: KeyboardEvent) => void>> = {
  g: ({ timeStamp }) => (goAtMs = timeStamp),
  '?': () => (overlay.value = 'help'),
  '/': focusFilter,
  ' ': togglePause,
  f: () => {
    if (follow.value) follow.value = false;
    else goLive();
  },
  e: () => void exportFile(),
  w: askTold,
  u: () => (isUtc.value = !isUtc.value),
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
  PageDown: () => {
    moveInList(PAGE);
  },
  PageUp: () => {
    moveInList(-PAGE);
  },
  Home: () => {
    moveInList(-Infinity);
  },
  End: () => {
    moveInList(Infinity);
  },
  ArrowRight: () => {
    toggleInList(true);
  },
  ArrowLeft: () => {
    toggleInList(false);
  },
  Enter: openInList,
};
