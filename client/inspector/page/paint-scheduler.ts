import { computeLayout } from './layout.js';
import { afterSlices } from './slices.js';

/**
 * Shows a paint in two tasks: first the rows and their layout, then the frame. In one task they would block the page's keys for twice as
 * long.
 */
export function schedulePaint(showRows: () => void, done: (tookMs: number) => void): void {
  const began = performance.now();
  showRows();
  // Preact renders in a microtask that was queued before this one.
  queueMicrotask(() => {
    computeLayout();
    const tookMs = performance.now() - began;
    inNextFrame(() => {
      const frameBegan = performance.now();
      afterFrame(() => {
        const frameMs = performance.now() - frameBegan;
        // What is drawn in slices belongs to this paint.
        afterSlices((slicesMs) => {
          done(tookMs + frameMs + slicesMs);
        });
      });
    });
  });
}

/** A page in the background gets no frames, but the worker must still go on. */
function inNextFrame(call: () => void): void {
  if (document.visibilityState === 'hidden') setTimeout(call, 250);
  else requestAnimationFrame(call);
}

const channel = new MessageChannel();
let afterwards: (() => void) | undefined;
channel.port1.onmessage = () => {
  afterwards?.();
};

/** To be called inside a frame: a message posted there arrives after style, layout and painting. */
function afterFrame(call: () => void): void {
  afterwards = call;
  channel.port2.postMessage(undefined);
}
