import { plural } from '../model/format.js';
import { lackWords } from '../model/lacks.js';
import { visible } from '../model/visible.js';
import { VIEW_KEYS, VIEW_NAMES, VIEW_TITLES, type ViewName } from '../model/view-name.js';
import { ask, send } from './worker-client.js';
import {
  atMs,
  follow,
  grouping,
  isUtc,
  nowMs,
  overlay,
  paint,
  query,
  say,
  select,
  showHeartbeats,
  showView,
  timeFormat,
} from './state.js';

/** Something that the user can do, by key or from the palette. */
export interface Action {
  readonly name: string;
  /** The keys as the help shows them, `g s`. */
  readonly keys?: string;
  readonly run: () => void;
}

export function togglePause(): void {
  atMs.value = atMs.value === undefined ? paint.value?.nowMs : undefined;
}

export function goLive(): void {
  atMs.value = undefined;
  follow.value = true;
}

/** Asks the bus which clients were told of the last change at the address whose card is open. */
export function askTold(): void {
  document.querySelector<HTMLButtonElement>('[data-told]')?.click();
}

export async function exportFile(): Promise<void> {
  const { file, events, lacks } = await ask({ about: 'export' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = `muse-bus-${new Date().toISOString().replaceAll(':', '').slice(0, 15)}.ndjson`;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 1_000);
  say(`${plural(events, 'event')} exported, ${lackWords(lacks, nowMs.value, isUtc.value ? 'utc' : 'local')}`);
}

export function importFile(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.ndjson,.jsonl,.json,.txt';
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) openFile(file);
  };
  input.click();
}

export function openFile(file: File): void {
  atMs.value = undefined;
  send({ type: 'import', name: file.name, file });
  say(`Showing ${visible(file.name, 120)} (offline); the live capture continues`);
}

export async function copy(text: string, what: string, more = ''): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied${more}`);
  } catch {
    say('The browser does not allow this page to copy');
  }
}

/** Commands find the bus of the repository around the directory in which they run. */
export async function copyCommand(command: string): Promise<void> {
  await copy(command, 'Command', '; it is to be run in the repository');
}

export function focusFilter(): void {
  const input = document.querySelector<HTMLInputElement>('#filter');
  input?.focus();
  input?.select();
}

/** Offers the filter to who asks the browser to find a text: only the rows on the screen have elements. */
export function findInList(): void {
  focusFilter();
  say('The filter searches all rows; Ctrl F again only those on the screen');
}

const viewAction = (name: ViewName): Action => ({
  name: `Go to ${VIEW_TITLES[name]}`,
  keys: `g ${VIEW_KEYS[name]}`,
  run: () => {
    showView(name);
  },
});

export const ACTIONS: readonly Action[] = [
  ...VIEW_NAMES.map(viewAction),
  { name: 'Filter', keys: '/', run: focusFilter },
  { name: 'Find in all rows, with the filter', keys: 'Ctrl F', run: findInList },
  { name: 'Pause or resume the view', keys: 'Space', run: togglePause },
  { name: 'Follow the newest event', keys: 'f', run: () => (follow.value ? (follow.value = false) : goLive()) },
  { name: 'Export the capture (NDJSON)', keys: 'e', run: () => void exportFile() },
  { name: 'Show to which clients the last change at the address was delivered', keys: 'w', run: askTold },
  { name: 'Import a file and replay it', run: importFile },
  { name: 'Show or hide heartbeats in the stream', run: () => (showHeartbeats.value = !showHeartbeats.value) },
  {
    name: 'Show times as absolute or relative',
    run: () => (timeFormat.value = timeFormat.value === 'absolute' ? 'relative' : 'absolute'),
  },
  { name: 'Show times in UTC or in local time', keys: 'u', run: () => (isUtc.value = !isUtc.value) },
  { name: 'Group agents by branch', run: () => (grouping.value = grouping.value === 'branch' ? 'none' : 'branch') },
  {
    name: 'Group agents by presence',
    run: () => (grouping.value = grouping.value === 'presence' ? 'none' : 'presence'),
  },
  { name: 'Clear the filter', run: () => (query.value = '') },
  {
    name: 'Close the details',
    keys: 'Esc',
    run: () => {
      select(undefined);
    },
  },
  { name: 'Commands', keys: 'Ctrl K', run: () => (overlay.value = 'palette') },
  { name: 'Help', keys: '?', run: () => (overlay.value = 'help') },
];
