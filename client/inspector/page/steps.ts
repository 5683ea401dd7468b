/**
 * A paint in two tasks: rows and their layout, then the frame that shows them. As one they would keep the page from its keys
 * twice as long.
 */
export function takeSteps(showRows: () => void, done: (tookMs: number) => void): void {
  const began = performance.now();
  showRows();
  // Preact renders in a microtask, which has been asked for before this one.
  queueMicrotask(() => {
    layOut();
    const tookMs = performance.now() - began;
    inNextFrame(() => {
      const frameBegan = performance.now();
      afterFrame(() => {
        done(tookMs + performance.now() - frameBegan);
      });
    });
  });
}

let waiting: (() => void)[] = [];

/** Does what needs the layout of what is being rendered, once for all. */
export function onLayout(call: () => void): void {
  waiting.push(call);
}

function layOut(): void {
  const calls = waiting;
  waiting = [];
  for (const call of calls) call();
  // Asking for it makes it: the frame would otherwise.
  document.body.getBoundingClientRect();
}

/** A page in the background has no frames; it still has to let the worker go on. */
function inNextFrame(call: () => void): void {
  if (document.visibilityState === 'hidden') setTimeout(call, 250);
  else requestAnimationFrame(call);
}

const channel = new MessageChannel();
let afterwards: (() => void) | undefined;
channel.port1.onmessage = () => {
  afterwards?.();
};

/** Called within a frame: what is posted there arrives when style, layout and painting are done. */
function afterFrame(call: () => void): void {
  afterwards = call;
  channel.port2.postMessage(undefined);
}
