import { useLayoutEffect, useRef } from 'preact/hooks';
import { onLayout } from '../page/layout.js';

/** Where a list was left, by the page or by a person, and its size then. */
export interface LeftPlace {
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export const placeOf = (list: Element | null): LeftPlace => ({
  top: list?.scrollTop ?? 0,
  width: list?.clientWidth ?? 0,
  height: list?.clientHeight ?? 0,
});

/**
 * Returns how far a person has scrolled a list: 0 where the page has put it, where the browser has put one that has become shorter, or has
 * given it another size. Their events come later, when the list may have grown again.
 */
export function scrolledBy(list: Element, left: LeftPlace): number {
  if (list.clientWidth !== left.width || list.clientHeight !== left.height) return 0;
  const by = list.scrollTop - Math.min(left.top, list.scrollHeight - list.clientHeight);
  return Math.abs(by) < 1 ? 0 : by;
}

interface ScrollState {
  readonly follow: boolean;
  readonly total: number;
  readonly dropped: number;
  readonly height: number;
  readonly headerHeight: number;
  /** Whether the rows that it will show have their elements. */
  readonly isWhole: boolean;
}

/** Keeps the list at its end if it follows the end. Otherwise it keeps the same rows visible when rows before them are removed or all get another height. */
export function useScrollKeeping(
  scroller: { readonly current: HTMLDivElement | null },
  left: { current: LeftPlace },
  now: ScrollState,
): void {
  const { follow, total, dropped, height, headerHeight, isWhole } = now;
  const before = useRef({ dropped, height });
  const latest = useRef(now);
  latest.current = now;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!isWhole) return;
    const { dropped: droppedBefore, height: heightBefore } = before.current;
    before.current = { dropped, height };
    if (!element) return;
    const put = (top: number): void => {
      element.scrollTop = top;
      left.current = placeOf(element);
    };
    if (!follow && (dropped > droppedBefore || height !== heightBefore))
      put((element.scrollTop / heightBefore - (dropped - droppedBefore)) * height);
    onLayout(() => {
      // A person may have left the end since.
      if (latest.current.follow) put(headerHeight + total * height);
      else
        left.current = {
          ...left.current,
          top: Math.min(left.current.top, element.scrollHeight - element.clientHeight),
        };
    });
  }, [follow, total, dropped, height, headerHeight, isWhole]);
}
