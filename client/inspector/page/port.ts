import { effect } from '@preact/signals';
import type { Answers, FromWorker, Look, Question, ToWorker } from '../worker/messages.js';
import { look, paint } from './state.js';
import { takeSteps } from './steps.js';

/** The page's end of the worker. */
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
let nextNonce = 1;

export function tell(message: ToWorker): void {
  worker.postMessage(message);
}

export function ask<Q extends Question>(question: Q): Promise<Answers[Q['about']]> {
  const nonce = nextNonce++;
  return new Promise<unknown>((resolve, reject) => {
    waiting.set(nonce, { resolve, reject });
    tell({ type: 'ask', nonce, question });
  }) as Promise<Answers[Q['about']]>;
}

/** From now on every paint of the worker's is shown in the next frame, and every change of the look is told. */
export function startPort(): void {
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    receive(data);
  };
  let isTelling = false;
  let told: Look | undefined;
  effect(() => {
    // Told once for all changes of this turn.
    if (look.value === told || isTelling) return;
    isTelling = true;
    queueMicrotask(() => {
      isTelling = false;
      told = look.value;
      tell({ type: 'look', look: told });
    });
  });
}

function receive(message: FromWorker): void {
  switch (message.type) {
    case 'paint':
      takeSteps(
        () => (paint.value = message.paint),
        (tookMs) => {
          tell({ type: 'painted', tookMs });
        },
      );
      return;
    case 'answer':
      waiting.get(message.nonce)?.resolve(message.value);
      waiting.delete(message.nonce);
      return;
    case 'failure':
      waiting.get(message.nonce)?.reject(new Error(message.message));
      waiting.delete(message.nonce);
      return;
  }
}
