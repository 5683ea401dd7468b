import { EVENT_TYPES, KINDS, recordKey } from '../../../protocol/index.js';
import { exportCapture, importCapture } from './capture-file.js';
import { encodedEvent } from './frames.js';
import { KeptCapture } from './kept-capture.js';
import { LiveCapture } from './live-capture.js';
import { search } from './search.js';
import { ViewModel, type PaintInputs } from './view-model.js';
import type { ConnectionState } from './connection-state.js';
import type { FromWorker, ViewState, Question, RawFrame, ToWorker } from './messages.js';

/** The part of a worker's global scope that is used here. The compiler knows only the types of a page. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((message: MessageEvent<ToWorker>) => void) | null;
}
const scope = self as unknown as Scope;

/** Countdowns advance even when nothing happens. */
const TICK_MS = 500;
/** Paints may take this share of the worker's time. */
const WORKER_SHARE = 1 / 4;
/** Paints may take this share of the page's time. Nobody can read every frame of a flood, and the page must stay responsive. */
const PAGE_SHARE = 1 / 8;
/** The longest delay that one paint causes. Up to this much delay is ignored, so a single paint delays nothing. */
const MAX_DELAY_MS = 400;

/** A bus, and what has been captured of it. It goes on while a file is shown. */
let live = new LiveCapture();
/** A file that is shown instead of the bus. */
let file: { readonly viewModel: ViewModel; readonly state: ConnectionState } | undefined;
let viewState: ViewState | undefined;
let address: { readonly url: string; readonly token: string } | undefined;
/** Whether the page has shown the last paint, whether there is something new to paint, and whether the user asked for it. */
let isPageReady = true;
let isDirty = false;
let isUrgent = false;
let scheduled: ReturnType<typeof setTimeout> | undefined;
/** When the next paint is due. It is set so that all paints together keep within their shares. */
let dueAtMs = 0;

const shown = (): ViewModel => file?.viewModel ?? live.viewModel;

function invalidate(): void {
  isDirty = true;
  schedule();
}

/** Paints at once, because the user asked for it. */
function invalidateNow(): void {
  isUrgent = true;
  clearTimeout(scheduled);
  scheduled = undefined;
  invalidate();
}

/** Schedules a paint for when the page has shown the last one, within its share of the time. */
function schedule(): void {
  if (scheduled !== undefined || !isPageReady || !isDirty || !viewState) return;
  scheduled = setTimeout(paint, isUrgent ? 0 : Math.max(0, dueAtMs - MAX_DELAY_MS - performance.now()));
}

function paint(): void {
  scheduled = undefined;
  if (!viewState) return;
  isDirty = false;
  isUrgent = false;
  isPageReady = false;
  const began = performance.now();
  const made = file
    ? file.viewModel.paint(viewState, fileInputs(file.viewModel, file.state))
    : live.paint(viewState, invalidate);
  scope.postMessage({ type: 'paint', paint: made });
  charge((performance.now() - began) / WORKER_SHARE);
}

/** Delays later paints by the cost of this one. A paint after a pause is never delayed. */
function charge(ms: number): void {
  const now = performance.now();
  dueAtMs = Math.max(dueAtMs, now) + Math.min(MAX_DELAY_MS, ms);
}

/** The time of a file is the time of its last event. */
const fileInputs = ({ timeline }: ViewModel, connection: ConnectionState): PaintInputs => ({
  nowMs: timeline.head.atMs,
  connection,
  overview: undefined,
  bus: { state: 'unavailable', why: 'a file is shown, not a bus', known: {} },
  past: 'none',
  kept: undefined,
});

function connect(): void {
  live.close();
  file = undefined;
  live = new LiveCapture();
  if (address && address.token !== '') live.open(address.url, address.token, invalidate);
  else void KeptCapture.forget();
  invalidate();
}

async function openFile(name: string, content: Blob): Promise<void> {
  const viewModel = new ViewModel();
  const { events, badLines } = await importCapture(content, viewModel.timeline);
  file = { viewModel, state: { state: 'file', name, events, badLines } };
  invalidate();
}

async function answer(nonce: number, question: Question): Promise<void> {
  try {
    scope.postMessage({ type: 'answer', nonce, value: await findAnswer(question) });
  } catch (error) {
    scope.postMessage({ type: 'failure', nonce, message: error instanceof Error ? error.message : String(error) });
  }
}

function findAnswer(question: Question): unknown {
  switch (question.about) {
    case 'completion':
      return shown().complete(question.text, question.caret);
    case 'search':
      return search(question.text, shown().timeline.head, live.overview);
    case 'raw':
      return rawOf(question.key, question.revision);
    case 'export': {
      const server = live.client?.server;
      return exportCapture(shown().timeline, server?.epoch ?? 'file', server?.server ?? '0.0.0');
    }
    case 'explain':
      if (!live.client) throw new Error('there is no connection to a bus');
      return live.client.inspect('explain', question.params);
    case 'told':
      return live.told(question.key);
  }
}

function rawOf(key: string, revision: number): RawFrame {
  const frame = file ? undefined : live.frames.find(key, revision);
  if (frame) return frame;
  const { capture } = shown().timeline;
  for (let i = capture.length - 1; i >= 0; i--) {
    const entry = capture.at(i)!;
    if (entry.what !== 'event' || entry.revision !== revision || recordKey(entry.kind, entry.id) !== key) continue;
    const { type, kind, id, atMs, data } = entry;
    return encodedEvent([revision, EVENT_TYPES.indexOf(type), KINDS.indexOf(kind), id, atMs, data]);
  }
  throw new Error('this event is no longer in the capture');
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'connect':
      address = message;
      connect();
      return;
    case 'view-state':
      viewState = message.viewState;
      live.readPast(viewState.since, invalidate);
      invalidateNow();
      return;
    case 'painted':
      isPageReady = true;
      charge(message.tookMs / PAGE_SHARE);
      schedule();
      return;
    case 'import':
      void openFile(message.name, message.file);
      return;
    case 'online':
      file = undefined;
      invalidateNow();
      return;
    case 'ask':
      void answer(message.nonce, message.question);
      return;
  }
}

scope.onmessage = ({ data }) => {
  receive(data);
};
setInterval(invalidate, TICK_MS);
