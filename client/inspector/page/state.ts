import { batch, computed, signal } from '@preact/signals';
import { sameTarget, type Link, type Target } from '../model/target.js';
import type { ViewName } from '../model/view-name.js';
import type { AgentGrouping, ViewState } from '../worker/messages.js';
import type { Paint } from '../worker/paint.js';

/** The current paint; `undefined` until the worker has sent one. */
export const paint = signal<Paint | undefined>(undefined);

export const view = signal<ViewName>('pulse');
export const query = signal('');
export const target = signal<Target | undefined>(undefined);
export const showHeartbeats = signal(false);
export const rows = signal<ViewState['rows']>({ from: 0, to: 60 });
export const sort = signal<ViewState['sort']>({ by: 'attention', descending: false });
export const grouping = signal<AgentGrouping>('none');
export const closed = signal<readonly string[]>([]);
export const lanes = signal<ViewState['lanes']>({ widthMs: 120_000, endMs: undefined });
/** Whether the stream keeps its newest row visible. */
export const follow = signal(true);
export const timeFormat = signal<'absolute' | 'relative'>('absolute');

export type Overlay = 'none' | 'help' | 'palette';
export const overlay = signal<Overlay>('none');
/** A short message about the last action; screen readers announce it. */
export const toast = signal('');

/** The state of the view that the worker paints. */
export const viewState = computed<ViewState>(() => ({
  view: view.value,
  query: query.value,
  target: target.value,
  showHeartbeats: showHeartbeats.value,
  rows: rows.value,
  follow: follow.value,
  sort: sort.value,
  grouping: grouping.value,
  closed: closed.value,
  lanes: lanes.value,
}));

export const nowMs = computed(() => paint.value?.nowMs ?? Date.now());

export function showView(name: ViewName): void {
  if (view.value === name) return;
  batch(() => {
    view.value = name;
    rows.value = { from: 0, to: 60 };
  });
}

export function select(next: Target | undefined): void {
  if (!sameTarget(target.value, next)) target.value = next;
}

export function followLink(link: Link): void {
  batch(() => {
    showView(link.view);
    if (link.target) target.value = link.target;
    if (link.query !== undefined) query.value = link.query;
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
  const words = query.value.split(/\s+/).filter((one) => one !== '');
  query.value = (words.includes(word) ? words.filter((one) => one !== word) : [...words, word]).join(' ');
}
