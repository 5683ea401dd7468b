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
/** A paint may take this share of the worker's time, */
const WORKER_SHARE = 1 / 4;
/** and of the page's: in a flood nobody can read what every frame brings, and the page has keys to listen to. */
const PAGE_SHARE = 1 / 8;
/** So long is the longest rest, and so far paints may run ahead of theirs: one that comes alone puts nothing off. */
const MAX_REST_MS = 400;

let desk = new Desk();
let frames = new Frames();
let facts = new BusFacts();
let link: BusLink | undefined;
let linkState: LinkState = { state: 'no-token' };
let look: Look | undefined;
let address: { readonly url: string; readonly token: string } | undefined;
/** Whether the page waits for a paint, whether there is something new to paint, and whether a person has asked for it. */
let isPageReady = true;
let isDirty = false;
let isAsked = false;
let scheduled: ReturnType<typeof setTimeout> | undefined;
/** When all paints until now will have been rested for. */
let restedMs = 0;

function touch(): void {
  isDirty = true;
  schedule();
}

/** What a person asked for comes at once. */
function touchNow(): void {
  isAsked = true;
  clearTimeout(scheduled);
  scheduled = undefined;
  touch();
}

/** Paints once the page has shown the last one, and never more than a share of the time. */
function schedule(): void {
  if (scheduled !== undefined || !isPageReady || !isDirty || !look) return;
  scheduled = setTimeout(paint, isAsked ? 0 : Math.max(0, restedMs - MAX_REST_MS - performance.now()));
}

function paint(): void {
  scheduled = undefined;
  if (!look) return;
  isDirty = false;
  isAsked = false;
  isPageReady = false;
  const began = performance.now();
  facts.refresh(link?.client, look.view === 'bus', touch);
  const around = { nowMs: nowMs(), link: linkState, overview: facts.overview, bus: facts.paint(link?.client) };
  scope.postMessage({ type: 'paint', paint: desk.paint(look, around) });
  rest((performance.now() - began) / WORKER_SHARE);
}

/** What a paint took has to be rested for; what comes now and then has rested enough, and is never put off. */
function rest(ms: number): void {
  const now = performance.now();
  restedMs = Math.max(restedMs, now) + Math.min(MAX_REST_MS, ms);
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
      // Of a snapshot that is loading only its progress is shown, and that is a state of the link.
      if (linkState.state === 'live') touch();
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
      touchNow();
      return;
    case 'painted':
      isPageReady = true;
      rest(message.tookMs / PAGE_SHARE);
      schedule();
      return;
    case 'pause':
      desk.pause(nowMs());
      touchNow();
      return;
    case 'scrub':
      desk.scrub(message.atMs);
      touchNow();
      return;
    case 'live':
      desk.goLive();
      touchNow();
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
