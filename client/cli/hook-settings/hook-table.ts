import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from '../../../protocol/index.js';
import { asFields, type Fields } from '../hook/fields.js';
import { readSettings, readToWrite, settingsText } from './json-text.js';
import { hookCommandLine, isOurs, type Installed, type SettingsEdit } from './settings-edit.js';

/** The format in which a harness stores its hooks: an object `hooks` with a list of entries for each event. */
export interface HookTable {
  readonly harness: string;
  /** The events at which the hook must be called, and for which tools. */
  readonly events: Readonly<Record<string, { readonly matcher?: string }>>;
  /** All known events of the harness. */
  readonly knownEvents: readonly string[];
  /** Claude Code and Codex have lists of commands for each matcher; Cursor has one list. */
  readonly shape: 'grouped' | 'flat';
  /** A setting with which a user switches all hooks off. */
  readonly off?: string;
  /** The version that the file must name, if the harness needs one. */
  readonly version?: number;
}

const TIMEOUT_S = 15;

/** Adds our entries to the settings, or repairs them. Other entries stay as they are. */
export function addHooks(table: HookTable, text: string | undefined, installed: Installed): SettingsEdit {
  return edited(table, text, (event, entries) => {
    const wanted = Object.hasOwn(table.events, event) ? table.events[event] : undefined;
    if (!wanted) return entries;
    const entry = entryFor(table, wanted, hookCommandLine(installed, table.harness));
    const own = entries.filter((other) => isOurEntry(table, other));
    if (own.length === 1 && isDeepStrictEqual(own[0], entry)) return entries;
    return [...withoutOurs(table, entries), entry];
  });
}

/** Removes our entries, and lists and objects that are then empty. */
export function removeHooks(table: HookTable, text: string | undefined): SettingsEdit {
  if (text === undefined) return { is: 'same' };
  return edited(table, text, (_event, entries) => withoutOurs(table, entries));
}

function edited(
  table: HookTable,
  text: string | undefined,
  change: (event: string, entries: readonly unknown[]) => readonly unknown[],
): SettingsEdit {
  const read = readToWrite(text);
  if (read.is === 'refused') return read;
  const { settings } = read;
  const { hooks: before = {}, version } = settings;
  if (!isJsonObject(before)) return { is: 'refused', why: '"hooks" is no object' };
  if (table.version !== undefined && version !== undefined && version !== table.version)
    return { is: 'refused', why: `"version" is not ${String(table.version)}` };
  const hooks = new Map<string, unknown>();
  let isChanged = false;
  for (const event of new Set([...Object.keys(before), ...Object.keys(table.events)])) {
    const entries = Object.hasOwn(before, event) ? asFields(before)[event] : undefined;
    if (entries !== undefined && !Array.isArray(entries)) return { is: 'refused', why: `"hooks.${event}" is no list` };
    const after = change(event, entries ?? []);
    isChanged ||= !isDeepStrictEqual(after, entries ?? []);
    if (after.length > 0 || entries?.length === 0) hooks.set(event, after);
  }
  if (!isChanged) return { is: 'same' };
  if (hooks.size > 0) {
    const version = table.version === undefined ? {} : { version: table.version };
    return { is: 'changed', text: settingsText({ ...version, ...settings, hooks: Object.fromEntries(hooks) }, text) };
  }
  const left = Object.entries(settings).filter(([name]) => name !== 'hooks');
  // A file with only the version has no settings and is removed.
  if (left.every(([name]) => name === 'version')) return { is: 'changed', text: undefined };
  return { is: 'changed', text: settingsText(Object.fromEntries(left), text) };
}

function entryFor({ shape }: HookTable, { matcher }: { readonly matcher?: string }, command: string): Fields {
  const named = matcher === undefined ? {} : { matcher };
  if (shape === 'flat') return { command, ...named, timeout: TIMEOUT_S };
  return { ...named, hooks: [{ type: 'command', command, timeout: TIMEOUT_S }] };
}

function isOurEntry({ shape, harness }: HookTable, entry: unknown): boolean {
  const { command, hooks } = asFields(entry);
  if (shape === 'flat') return isOurs(command, harness);
  return Array.isArray(hooks) && hooks.some((hook) => isOurs(asFields(hook)['command'], harness));
}

function withoutOurs(table: HookTable, entries: readonly unknown[]): readonly unknown[] {
  const { shape, harness } = table;
  return entries.flatMap((entry) => {
    if (!isOurEntry(table, entry)) return [entry];
    if (shape === 'flat') return [];
    const group = asFields(entry);
    const others = (group['hooks'] as readonly unknown[]).filter((hook) => !isOurs(asFields(hook)['command'], harness));
    return others.length === 0 ? [] : [{ ...group, hooks: others }];
  });
}

/** Returns our command, if there is one, for each event that has hooks in the file; `undefined` if the file cannot be parsed. */
export function hooksIn(
  table: HookTable,
  text: string,
): ReadonlyMap<string, { readonly ours: string | undefined }> | undefined {
  const read = readSettings(text);
  if (read.is === 'refused') return undefined;
  const found = new Map<string, { ours: string | undefined }>();
  for (const [event, entries] of Object.entries(asFields(read.settings['hooks']))) {
    const commands = (Array.isArray(entries) ? (entries as readonly unknown[]) : []).flatMap((entry) => {
      const { command, hooks } = asFields(entry);
      if (table.shape === 'flat') return [command];
      return Array.isArray(hooks) ? hooks.map((hook) => asFields(hook)['command']) : [];
    });
    const ours = commands.find((command) => isOurs(command, table.harness));
    found.set(event, { ours: typeof ours === 'string' ? ours : undefined });
  }
  return found;
}
