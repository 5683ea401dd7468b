import { computeLayout } from './layout.js';
import { whenReleased } from './press.js';

/**
 * Work of the page that may be done in several tasks: a key that is pressed meanwhile is handled between two of them. A whole first display in one
 * task would keep it waiting for more than 50 ms.
 */

/** A slice begins no further job after this long. */
const SLICE_MS = 6;

/** The jobs to do, by what they are for: a newer one takes the place of an older. */
const jobs = new Map<unknown, () => void>();
const channel = new MessageChannel();
let isScheduled = false;
let whenDone: ((tookMs: number) => void) | undefined;
/** What the slices since the last call of {@link afterSlices} took. */
let tookMs = 0;

channel.port1.onmessage = () => {
  whenReleased(() => {
    isScheduled = false;
    doJobs(performance.now());
  });
};

function doJobs(began: number): void {
  const next = jobs.entries().next();
  if (next.done !== true) {
    const [about, job] = next.value;
    jobs.delete(about);
    job();
  }
  // Preact renders in a microtask that was queued before this one.
  queueMicrotask(() => {
    const spentMs = performance.now() - began;
    if (jobs.size > 0 && spentMs < SLICE_MS) {
      doJobs(began);
      return;
    }
    // Of these changes alone. The frame would compute that of several slices.
    computeLayout();
    tookMs += performance.now() - began;
    if (jobs.size > 0) schedule();
    else end();
  });
}

/** Does a job in one of the next slices. @param about what it is for: an older job for the same is not done any more. */
export function inSlice(about: unknown, job: () => void): void {
  jobs.set(about, job);
  schedule();
}

export function dropJob(about: unknown): void {
  jobs.delete(about);
}

/** Calls back when there is no job left. @param done is told how long the slices took. */
export function afterSlices(done: (tookMs: number) => void): void {
  whenDone = done;
  if (jobs.size === 0) end();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  channel.port2.postMessage(undefined);
}

function end(): void {
  const done = whenDone;
  if (!done) return;
  whenDone = undefined;
  const took = tookMs;
  tookMs = 0;
  done(took);
}
