import { EVENT_TYPES, KINDS } from '../../../protocol/index.js';
import { BusFacts } from './bus-facts.js';
import { BusLink } from './bus-link.js';
import { exportCapture, importCapture } from './capture-file.js';
import { Desk } from './desk.js';
import { Frames, rewritten } from './frames.js';
import type { LinkState } from './link-state.js';
import type { FromWorker, Look, Question, RawFrame, ToWorker } from './messages.js';

/** The part of a worker's global scope that is used; the page's own types are in force here. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((message: MessageEvent<ToWorker>) => void) | null;
}
const scope = self as unknown as Scope;

/** Countdowns go on though nothing happens. */
const TICK_MS = 500;
/** A paint may take this share of the worker's time. */
const PAINT_SHARE = 1 / 4;
const MOST_WAIT_MS = 400;

let desk = new Desk();
let frames = new Frames();
let facts = new BusFacts();
let link: BusLink | undefined;
let linkState: LinkState = { state: 'no-token' };
let look: Look | undefined;
let address: { readonly url: string; readonly token: string } | undefined;
/** Whether the page waits for a paint, and whether there is something new to paint. */
let isPageReady = true;
let isDirty = false;
let isScheduled = false;
let nextPaintMs = 0;

function touch(): void {
  isDirty = true;
  schedule();
}

/** Paints once the page has shown the last one, and never more than a share of the time. */
function schedule(): void {
  if (isScheduled || !isPageReady || !isDirty || !look) return;
  isScheduled = true;
  setTimeout(paint, Math.max(0, nextPaintMs - performance.now()));
}

function paint(): void {
  isScheduled = false;
  if (!look) return;
  isDirty = false;
  isPageReady = false;
  const began = performance.now();
  facts.refresh(link?.client, look.view === 'bus', touch);
  const around = { nowMs: nowMs(), link: linkState, overview: facts.overview, bus: facts.paint(link?.client) };
  scope.postMessage({ type: 'paint', paint: desk.paint(look, around) });
  const tookMs = performance.now() - began;
  nextPaintMs = performance.now() + Math.min(MOST_WAIT_MS, tookMs / PAINT_SHARE);
}

/** A file's present is where it ends. */
function nowMs(): number {
  return linkState.state === 'file' ? desk.timeline.head.atMs : (link?.now() ?? Date.now());
}

function begin(): void {
  link?.close();
  link = undefined;
  desk = new Desk();
  frames = new Frames();
  facts = new BusFacts();
}

function connect(): void {
  begin();
  if (!address || address.token === '') {
    linkState = { state: 'no-token' };
    touch();
    return;
  }
  const own = desk;
  const current = () => own === desk;
  link = new BusLink(address.url, address.token, {
    event: (event) => {
      if (!current()) return;
      own.timeline.addEvent(event);
      touch();
    },
    mark: (mark) => {
      if (!current()) return;
      own.timeline.addMark(mark, nowMs());
      touch();
    },
    state: (state) => {
      if (!current()) return;
      linkState = state;
      touch();
    },
    frame: (frame) => {
      frames.push(frame);
    },
  });
  void link.open();
}

async function openFile(name: string, file: Blob): Promise<void> {
  begin();
  const { events, badLines } = await importCapture(file, desk.timeline);
  linkState = { state: 'file', name, events, badLines };
  touch();
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
      return desk.complete(question.text, question.caret);
    case 'raw':
      return rawOf(question.key, question.revision);
    case 'export': {
      const server = link?.client?.server;
      return exportCapture(desk.timeline, server?.epoch ?? 'file', server?.server ?? '0.0.0');
    }
    case 'explain':
      return facts.explain(link?.client, question.params);
  }
}

function rawOf(key: string, revision: number): RawFrame {
  const frame = frames.find(key, revision);
  if (frame) return frame;
  const { capture } = desk.timeline;
  for (let i = capture.length - 1; i >= 0; i--) {
    const entry = capture.at(i)!;
    if (entry.what !== 'event' || entry.revision !== revision || `${entry.kind}/${entry.id}` !== key) continue;
    const { type, kind, id, atMs, data } = entry;
    return rewritten([revision, EVENT_TYPES.indexOf(type), KINDS.indexOf(kind), id, atMs, data]);
  }
  throw new Error('this event is no longer in the capture');
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'connect':
      address = message;
      connect();
      return;
    case 'look':
      look = message.look;
      // What a person asked for comes at once.
      nextPaintMs = 0;
      touch();
      return;
    case 'painted':
      isPageReady = true;
      schedule();
      return;
    case 'pause':
      desk.pause(nowMs());
      touch();
      return;
    case 'scrub':
      desk.scrub(message.atMs);
      touch();
      return;
    case 'live':
      desk.goLive();
      touch();
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
setInterval(touch, TICK_MS);
