import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { closestMatch } from '../../../protocol/index.js';
import { toCliError } from '../cli-error.js';
import { note, ok, wrong, type Finding } from '../doctor/finding.js';
import { canRun, isFound } from '../terminal/find-program.js';
import { hooksIn, type HookTable } from './hook-table.js';
import { readSettings } from './json-text.js';
import { INSTALL_PLACES, PLACES, type InstallPlace, type PlaceName } from './places.js';
import { isOurs } from './settings-edit.js';
import { readSettingsFile } from './settings-file.js';

/** Reports what is installed and whether it can work. A harness may ignore a wrong setting without a message. */
export function checkHooks(root: string, names: readonly PlaceName[], env: NodeJS.ProcessEnv = process.env): Finding[] {
  return names.flatMap((name) => checkPlace(root, name, env));
}

/** Returns the same for `doctor`: only the places where the user has installed something, or tried to. */
export function examineHooks(root: string): Finding[] {
  return checkHooks(root, PLACES).filter(({ state }) => state !== 'note');
}

function checkPlace(root: string, name: PlaceName, env: NodeJS.ProcessEnv): Finding[] {
  const place = INSTALL_PLACES[name];
  const check = `hooks ${name}`;
  const elsewhere = place.elsewhere?.(root, env).filter((path) => isInstalledIn(place, path)) ?? [];
  const missing =
    elsewhere[0] === undefined
      ? note(check, 'not installed', `muse-bus hooks install ${name} shows what it would add`)
      : ok(check, `installed in ${elsewhere[0]}`);
  const twice = elsewhere.map((path) =>
    wrong(check, `installed in ${path} too: each event may call the hook twice`, 'remove it from one of the files'),
  );
  let path: string;
  let text: string | undefined;
  try {
    path = place.path(root);
    ({ text } = readSettingsFile(place.within?.(root) ?? root, path));
  } catch (error) {
    return [note(check, toCliError(error).message, 'nothing is installed there')];
  }
  if (text === undefined) return [missing];
  const { table } = place;
  const read = table || name === 'mcp' ? readSettings(text) : undefined;
  if (read?.is === 'refused')
    return [wrong(check, `${path} cannot be read: ${read.why}`, 'mend it: none of it counts')];
  const misspelt = table ? misspeltEvents(check, table, text) : [];
  if (!place.isIn(text)) return [...misspelt, missing];
  if (table) return [...misspelt, ...eventFindings(check, path, table, text, env), ...twice];
  if (name === 'git' && !canRun(path))
    return [wrong(check, `git does not run ${path}: it is not executable`, `chmod +x ${path}`)];
  const program = place.programIn?.(text);
  return [ok(check, `installed in ${path}`), ...(program === undefined ? [] : programFindings(check, program, env))];
}

/** Of a file that is no JSON (the TOML of Codex) only its text is known. */
function isInstalledIn({ isIn, table }: InstallPlace, path: string): boolean {
  try {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.toml'))
      return text.split(/["'\n]/).some((value) => table !== undefined && isOurs(value, table.harness));
    return isIn(text);
  } catch {
    return false;
  }
}

function misspeltEvents(check: string, table: HookTable, text: string): Finding[] {
  const { knownEvents } = table;
  const known = new Set(knownEvents);
  return [...(hooksIn(table, text) ?? new Map<string, unknown>()).keys()].flatMap((event) => {
    if (known.has(event)) return [];
    const meant = closestMatch(event, knownEvents);
    if (meant === undefined) return [];
    return [wrong(check, `there is no event ${event}: its hooks are never called`, `write ${meant}`)];
  });
}

function eventFindings(check: string, path: string, table: HookTable, text: string, env: NodeJS.ProcessEnv): Finding[] {
  const found = hooksIn(table, text);
  const missing = Object.keys(table.events).filter((event) => found?.get(event)?.ours === undefined);
  const commands = [...(found?.values() ?? [])].flatMap(({ ours }) => (ours === undefined ? [] : [ours]));
  const [program = ''] = (commands[0] ?? '').split(' hook ');
  const { off = '' } = table;
  const read = readSettings(text);
  const isOff = read.is === 'settings' && read.settings[off] === true;
  return [
    ...(isOff ? [wrong(check, `"${off}" is true in ${path}: no hook is called`, 'remove it')] : []),
    missing.length === 0
      ? ok(check, `installed in ${path}`)
      : wrong(
          check,
          `not called at ${missing.join(', ')}`,
          `muse-bus hooks install ${table.harness} adds what is missing`,
        ),
    ...programFindings(check, program, env),
  ];
}

/** @param command the program and its arguments; it may be a runtime, and the program its argument. */
function programFindings(check: string, command: string, env: NodeJS.ProcessEnv): Finding[] {
  const [program = '', ...args] = command.split(' ');
  const effect = check === 'hooks mcp' ? 'there are no tools' : 'nothing is stopped';
  const gone = args.find((arg) => isAbsolute(arg) && !existsSync(arg));
  if (gone !== undefined)
    return [wrong(check, `${gone} is not there: ${effect}`, 'muse-bus hooks install, from where it is')];
  if (isFound(program, env)) return [];
  return [
    wrong(
      check,
      `${program} is not found in PATH: ${effect}`,
      'in a checkout of muse-bus, npm install --global . installs it',
    ),
  ];
}
