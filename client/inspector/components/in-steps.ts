import { useLayoutEffect, useRef } from 'preact/hooks';
import { dropJob, inSlice } from '../page/slices.js';
import { useRedraw } from './redraw.js';

/**
 * Returns as many of the items as may have elements now: more with each task, until all have theirs.
 * @param step the number of new elements in one task
 */
export function useInSteps<T>(items: readonly T[], step: number): readonly T[] {
  const most = useRef(step);
  const redraw = useRedraw();
  const shown = items.slice(0, most.current);
  const isAll = shown.length === items.length;
  useLayoutEffect(() => {
    if (isAll) most.current = Math.max(step, items.length);
    else
      inSlice(most, () => {
        most.current += step;
        redraw();
      });
  });
  useLayoutEffect(() => () => dropJob(most), []);
  return shown;
}
