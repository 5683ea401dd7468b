import { EVENT_TYPES, KINDS } from '../../../protocol/index.js';
import { OverviewPoller } from './overview-poller.js';
import { BusConnection } from './bus-connection.js';
import { exportCapture, importCapture } from './capture-file.js';
import { ViewModel } from './view-model.js';
import { encodedEvent, Frames } from './frames.js';
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

let viewModel = new ViewModel();
let frames = new Frames();
let overviewPoller = new OverviewPoller();
let connection: BusConnection | undefined;
let connectionState: ConnectionState = { state: 'no-token' };
let viewState: ViewState | undefined;
let address: { readonly url: string; readonly token: string } | undefined;
/** Whether the page has shown the last paint, whether there is something new to paint, and whether the user asked for it. */
let isPageReady = true;
let isDirty = false;
let isUrgent = false;
let scheduled: ReturnType<typeof setTimeout> | undefined;
/** When the next paint is due. It is set so that all paints together keep within their shares. */
let dueAtMs = 0;

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
  overviewPoller.refresh(connection?.client, viewState.view === 'bus', invalidate);
  const inputs = {
    nowMs: nowMs(),
    connection: connectionState,
    overview: overviewPoller.overview,
    bus: overviewPoller.paint(connection?.client),
  };
  scope.postMessage({ type: 'paint', paint: viewModel.paint(viewState, inputs) });
  charge((performance.now() - began) / WORKER_SHARE);
}

/** Delays later paints by the cost of this one. A paint after a pause is never delayed. */
function charge(ms: number): void {
  const now = performance.now();
  dueAtMs = Math.max(dueAtMs, now) + Math.min(MAX_DELAY_MS, ms);
}

/** Returns the present time. For a file it is the time of its last event. */
function nowMs(): number {
  return connectionState.state === 'file' ? viewModel.timeline.head.atMs : (connection?.now() ?? Date.now());
}

function begin(): void {
  connection?.close();
  connection = undefined;
  viewModel = new ViewModel();
  frames = new Frames();
  overviewPoller = new OverviewPoller();
}

function connect(): void {
  begin();
  if (!address || address.token === '') {
    connectionState = { state: 'no-token' };
    invalidate();
    return;
  }
  const own = viewModel;
  const isCurrent = () => own === viewModel;
  connection = new BusConnection(address.url, address.token, {
    event: (event) => {
      if (!isCurrent()) return;
      own.timeline.addEvent(event);
      // While a snapshot loads, only its progress is shown, which is a state of the connection.
      if (connectionState.state === 'live') invalidate();
    },
    mark: (mark) => {
      if (!isCurrent()) return;
      own.timeline.addMark(mark, nowMs());
      invalidate();
    },
    state: (state) => {
      if (!isCurrent()) return;
      connectionState = state;
      invalidate();
    },
    frame: (frame) => {
      frames.push(frame);
    },
  });
  void connection.open();
}

async function openFile(name: string, file: Blob): Promise<void> {
  begin();
  const { events, badLines } = await importCapture(file, viewModel.timeline);
  connectionState = { state: 'file', name, events, badLines };
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
      return viewModel.complete(question.text, question.caret);
    case 'raw':
      return rawOf(question.key, question.revision);
    case 'export': {
      const server = connection?.client?.server;
      return exportCapture(viewModel.timeline, server?.epoch ?? 'file', server?.server ?? '0.0.0');
    }
    case 'explain':
      if (!connection?.client) throw new Error('there is no connection to a bus');
      return connection.client.inspect('explain', question.params);
  }
}

function rawOf(key: string, revision: number): RawFrame {
  const frame = frames.find(key, revision);
  if (frame) return frame;
  const { capture } = viewModel.timeline;
  for (let i = capture.length - 1; i >= 0; i--) {
    const entry = capture.at(i)!;
    if (entry.what !== 'event' || entry.revision !== revision || `${entry.kind}/${entry.id}` !== key) continue;
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
      invalidateNow();
      return;
    case 'painted':
      isPageReady = true;
      charge(message.tookMs / PAGE_SHARE);
      schedule();
      return;
    case 'pause':
      viewModel.pause(nowMs());
      invalidateNow();
      return;
    case 'scrub':
      viewModel.scrub(message.atMs);
      invalidateNow();
      return;
    case 'live':
      viewModel.goLive();
      invalidateNow();
      return;
    case 'import':
      void openFile(message.name, message.file);
      return;
    case 'online':
      connect();
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
