/**
 * While a mouse button, a finger or a pen is down, the page stands still. Otherwise an update moves something else under it, and the browser
 * makes no click of a press and a release on two elements.
 */

/** The click of a finger or a pen comes at most this long after it has left the screen. That of a mouse comes in the same task. */
const TAP_MS = 100;

let pressed: number | undefined;
let held: (() => void)[] = [];

/** Does something now, or as soon as nothing is pressed. */
export function whenReleased(call: () => void): void {
  if (pressed === undefined) call();
  else held.push(call);
}

/** Lets the page go on, whatever is pressed. */
export function releasePage(): void {
  pressed = undefined;
  const calls = held;
  held = [];
  for (const call of calls) call();
}

/** What is pressed to move something on the page, and must see it move: a slider, a scroll bar. The list of a select may take the release. */
function movesPage(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.closest('input, select') !== null || target === document.documentElement || isScroller(target);
}

const isScroller = (element: Element): boolean =>
  element.scrollHeight > element.clientHeight && getComputedStyle(element).overflowY !== 'visible';

/** Notices each press before the page handles it. */
export function watchPresses(): void {
  const on = (
    type: 'pointerdown' | 'pointerup' | 'pointercancel' | 'pointermove',
    handle: (event: PointerEvent) => void,
  ) => {
    addEventListener(type, handle, { capture: true });
  };
  on('pointerdown', ({ target, pointerId }) => {
    if (!movesPage(target)) pressed = pointerId;
  });
  on('pointerup', ({ pointerId, pointerType }) => {
    if (pointerId !== pressed) return;
    setTimeout(releasePage, pointerType === 'mouse' ? 0 : TAP_MS);
  });
  on('pointercancel', ({ pointerId }) => {
    if (pointerId === pressed) releasePage();
  });
  // The release of a button may be lost outside the window.
  on('pointermove', ({ pointerId, buttons }) => {
    if (pointerId === pressed && buttons === 0) releasePage();
  });
  for (const type of ['contextmenu', 'blur']) addEventListener(type, releasePage);
}
