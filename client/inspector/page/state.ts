import { batch, computed, signal } from '@preact/signals';
import { splitWords } from '../../../protocol/index.js';
import { DEFAULT_SPAN, formatPlace, type Place, type Since } from '../model/place.js';
import { sameTarget, type Link, type Target } from '../model/target.js';
import type { ViewName } from '../model/view-name.js';
import type { AgentGrouping, ViewState } from '../worker/messages.js';
import type { Paint } from '../worker/paint.js';

/** The current paint; `undefined` until the worker has sent one. */
export const paint = signal<Paint | undefined>(undefined);

export const view = signal<ViewName>('pulse');
export const query = signal('');
export const target = signal<Target | undefined>(undefined);
/** The moment that all views show; `undefined`: the present. */
export const atMs = signal<number | undefined>(undefined);
/** How far back the page shows what happened. */
export const since = signal<Since>(DEFAULT_SPAN);
export const showHeartbeats = signal(false);
export const rows = signal<ViewState['rows']>({ from: 0, to: 32 });
export const sort = signal<ViewState['sort']>({ by: 'attention', descending: false });
export const grouping = signal<AgentGrouping>('none');
export const closed = signal<readonly string[]>([]);
export const lanes = signal<ViewState['lanes']>({ widthMs: 120_000, endMs: undefined });
/** Whether the stream keeps its newest row visible. */
export const follow = signal(true);
export const timeFormat = signal<'absolute' | 'relative'>('absolute');

/** Whether times are shown in UTC instead of local time. */
export const isUtc = signal(false);

export type Overlay = 'none' | 'help' | 'palette';
export const overlay = signal<Overlay>('none');
/** A short message about the last action; screen readers announce it. */
export const toast = signal('');

/** The state of the view that the worker paints. */
export const viewState = computed<ViewState>(() => ({
  view: view.value,
  query: query.value,
  target: target.value,
  atMs: atMs.value,
  since: since.value,
  showHeartbeats: showHeartbeats.value,
  rows: rows.value,
  follow: follow.value,
  sort: sort.value,
  grouping: grouping.value,
  closed: closed.value,
  lanes: lanes.value,
}));

/** What a link to the page says. */
export const place = computed<Place>(() => ({
  view: view.value,
  query: query.value,
  target: target.value,
  atMs: atMs.value,
  since: since.value,
}));

export const nowMs = computed(() => paint.value?.nowMs ?? Date.now());

/** The rows that a view is sent first; more are asked for when it is known how many are visible. A lane has hundreds of bars and marks. */
const FIRST_ROWS: Partial<Record<ViewName, number>> = { lanes: 18 };

export function showView(name: ViewName): void {
  if (view.value === name) return;
  batch(() => {
    view.value = name;
    rows.value = { from: 0, to: FIRST_ROWS[name] ?? 32 };
  });
}

let isPassing = false;
let last: Place | undefined;

export function select(next: Target | undefined): void {
  if (!sameTarget(target.value, next)) target.value = next;
}

/** Selects a row on the way to another: Back does not stop at it. */
export function selectInPassing(next: Target | undefined): void {
  isPassing = true;
  select(next);
  isPassing = false;
}

/** Whether the step from the last place to the present one is an entry of its own in the history. Called once for each step. */
export function takesNewEntry(): boolean {
  const before = last;
  last = place.peek();
  return !isPassing && before !== undefined && (before.view !== last.view || !sameTarget(before.target, last.target));
}

export function followLink(link: Link): void {
  batch(() => {
    showView(link.view);
    if (link.target) target.value = link.target;
    if (link.query !== undefined) query.value = link.query;
  });
}

/** Returns the address of a link. What the link does not say stays as it is. */
export function hrefOf(link: Link): string {
  const { view: name, query: words, target: chosen } = link;
  const next = { ...place.value, view: name };
  return formatPlace({
    ...next,
    ...(chosen === undefined ? {} : { target: chosen }),
    ...(words === undefined ? {} : { query: words }),
  });
}

let toastTimer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  clearTimeout(toastTimer);
  toast.value = text;
  toastTimer = setTimeout(() => (toast.value = ''), 4_000);
}

/** Adds a word to the filter, or removes it if the filter contains it. */
export function toggleFilter(word: string): void {
  const words = splitWords(query.value).map(({ text }) => text);
  query.value = (words.includes(word) ? words.filter((one) => one !== word) : [...words, word]).join(' ');
}
