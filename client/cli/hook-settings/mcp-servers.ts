import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from '../../../protocol/index.js';
import { asFields, textIn, type Fields } from '../hook/fields.js';
import { readSettings, readToWrite, settingsText } from './json-text.js';
import type { Installed, SettingsEdit } from './settings-edit.js';

const NAME = 'muse-bus';

/** Adds our server to `.mcp.json`, the MCP servers that a harness starts, by name. */
export function addMcpServer(text: string | undefined, { program }: Pick<Installed, 'program'>): SettingsEdit {
  const [command = program, ...args] = program.split(' ');
  return edited(text, (servers) => {
    const own = asFields(servers[NAME]);
    // The user's other settings of the server, such as its environment, stay.
    return { ...servers, [NAME]: { ...own, command, args: [...args, 'mcp'] } };
  });
}

export function removeMcpServer(text: string | undefined): SettingsEdit {
  if (text === undefined) return { is: 'same' };
  return edited(text, (servers) => Object.fromEntries(Object.entries(servers).filter(([name]) => name !== NAME)));
}

export function hasMcpServer(text: string): boolean {
  const read = readSettings(text);
  return read.is === 'settings' && NAME in asFields(read.settings['mcpServers']);
}

/** The program that starts our server, with its arguments. */
export function mcpProgram(text: string): string | undefined {
  const read = readSettings(text);
  const servers = read.is === 'settings' ? asFields(read.settings['mcpServers']) : {};
  const { args, ...own } = asFields(servers[NAME]);
  const command = textIn(own, ['command']);
  return command === undefined ? undefined : [command, ...(Array.isArray(args) ? (args as unknown[]) : [])].join(' ');
}

function edited(text: string | undefined, change: (servers: Fields) => Fields): SettingsEdit {
  const read = readToWrite(text);
  if (read.is === 'refused') return read;
  const { mcpServers: before = {}, ...others } = read.settings;
  if (!isJsonObject(before)) return { is: 'refused', why: '"mcpServers" is no object' };
  const after = change(asFields(before));
  if (isDeepStrictEqual(after, before)) return { is: 'same' };
  const isEmpty = Object.keys(after).length === 0;
  if (isEmpty && Object.keys(others).length === 0) return { is: 'changed', text: undefined };
  const settings = isEmpty ? others : { ...read.settings, mcpServers: after };
  return { is: 'changed', text: settingsText(settings, text) };
}
