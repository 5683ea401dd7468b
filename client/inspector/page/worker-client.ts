import { effect } from '@preact/signals';
import type { Answers, FromWorker, ViewState, Question, ToWorker } from '../worker/messages.js';
import { paint, viewState } from './state.js';
import { schedulePaint } from './paint-scheduler.js';
import { whenReleased } from './press.js';

/** The page's connection to its worker. */
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
let nextNonce = 1;

export function send(message: ToWorker): void {
  worker.postMessage(message);
}

export function ask<Q extends Question>(question: Q): Promise<Answers[Q['about']]> {
  const nonce = nextNonce++;
  return new Promise<unknown>((resolve, reject) => {
    pending.set(nonce, { resolve, reject });
    send({ type: 'ask', nonce, question });
  }) as Promise<Answers[Q['about']]>;
}

/** Starts to show each paint of the worker in the next frame, and to send each change of the view state to the worker. */
export function startWorkerClient(): void {
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    whenReleased(() => {
      receive(data);
    });
  };
  let isScheduled = false;
  let sent: ViewState | undefined;
  effect(() => {
    // Sent once for all changes of this task.
    if (viewState.value === sent || isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      sent = viewState.value;
      send({ type: 'view-state', viewState: sent });
    });
  });
}

function receive(message: FromWorker): void {
  switch (message.type) {
    case 'paint':
      schedulePaint(
        () => (paint.value = message.paint),
        (tookMs) => {
          send({ type: 'painted', tookMs });
        },
      );
      return;
    case 'answer':
      pending.get(message.nonce)?.resolve(message.value);
      pending.delete(message.nonce);
      return;
    case 'failure':
      pending.get(message.nonce)?.reject(new Error(message.message));
      pending.delete(message.nonce);
      return;
  }
}
