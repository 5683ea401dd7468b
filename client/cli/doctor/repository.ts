import { existsSync, lstatSync, readdirSync, statfsSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, shellWord } from '../../../protocol/index.js';
import { deafFileSystem, diagnoseWatching } from '../../../server/index.js';
import {
  abandonedStates,
  isOpenToOthers,
  keepsModes,
  KEEP_ABANDONED_MS,
  safeDirectories,
  staleTemporaries,
  stateLocation,
} from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import { note, ok, wrong, type Finding } from './finding.js';
import { duration } from '../terminal/time-text.js';
import { resolveSettings } from '../settings/resolve-settings.js';

const MIN_FREE_BYTES = 256 * 2 ** 20;

/** Examines the repository's directories, its private files, and the settings. */
export function examineRepository(root: string): Finding[] {
  return [
    ok('repository', root),
    watching(root),
    ...fileSystem(root),
    ...privacy(root),
    ...consent(),
    ...journal(root),
    ...unfinished(root),
    ...abandoned(root),
    ...configuration(root),
  ];
}

function watching(root: string): Finding {
  const advice = 'serve polls instead, every --poll-interval seconds; a local disk needs no polling';
  try {
    const { mechanism, failure } = diagnoseWatching(root);
    if (failure === undefined)
      return ok('watching', `${mechanism} reports changes in .muse/coordination; serve tests this when it starts`);
    return wrong('watching', `${mechanism}: ${failure}`, advice);
  } catch (error) {
    return wrong('watching', toCliError(error).message, 'make it a directory that you can read');
  }
}

function fileSystem(root: string): Finding[] {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  const room = `${String(Math.floor(free / 2 ** 20))} MiB free`;
  const coordination = join(root, '.muse', 'coordination');
  // Each directory may be a mount of its own.
  const places = [root, coordination, ...KINDS.map((kind) => join(coordination, KIND_DIRECTORIES[kind]))];
  const names = [...new Set(places.flatMap((path) => deafFileSystem(path) ?? []))];
  return [
    free >= MIN_FREE_BYTES
      ? ok('disk', room)
      : wrong('disk', room, 'free some space: on a full disk the journal stops, and records are incomplete'),
    ...names.map((name) =>
      note(
        'file system',
        name,
        'changes from other machines are not reported here: run serve on the machine that writes the files',
      ),
    ),
  ];
}

function privacy(root: string): Finding[] {
  // Windows keeps permissions elsewhere.
  if (process.getuid === undefined) return [];
  const { path } = stateLocation(root);
  const directories = [join(root, '.muse', 'bus'), path].filter((directory) => existsSync(directory));
  if (directories.length === 0) return [ok('private files', 'none yet; serve creates them')];
  const faults = directories.flatMap(faultsIn);
  return faults.length > 0
    ? faults
    : [ok('private files', `only you can use the files in ${directories.join(' and ')}`)];
}

function faultsIn(directory: string): Finding[] {
  try {
    const stats = lstatSync(directory);
    if (isOpenToOthers(stats) && !keepsModes(directory, stats.dev)) return [withoutModes(directory)];
    const paths = [directory, ...readdirSync(directory).map((name) => join(directory, name))];
    return paths.flatMap((path) => faultOf(path, lstatSync(path)) ?? []);
  } catch (error) {
    return [wrong('private files', toCliError(error).message, 'make yourself its owner: chown')];
  }
}

/** Where no mode is kept, all advice about modes is useless. A server puts no token into such a repository. */
function withoutModes(directory: string): Finding {
  const found = `the file system of ${directory} has no file modes: every user who can reach it can use the files there`;
  return basename(directory) === 'bus'
    ? note('private files', found, 'serve keeps the token elsewhere')
    : wrong('private files', found, 'put them on another file system: --state-dir or MUSE_BUS_STATE_DIR');
}

/** Repositories of other users are read only with this user's consent. */
function consent(): Finding[] {
  try {
    const paths = safeDirectories();
    if (paths.length === 0) return [];
    return [note('consent', `repositories of other users: ${paths.join(', ')}`, 'safe_directories names them')];
  } catch (error) {
    const { message, hint } = toCliError(error);
    return [wrong('consent', message, hint)];
  }
}

/** Files without secrets. */
const PUBLIC_NAMES = /(^|\/)(\.gitignore|config\.json)$/;

function faultOf(path: string, stats: Stats): Finding | undefined {
  const fault = (found: string, advice: string): Finding => wrong('private files', `${path} ${found}`, advice);
  if (stats.isSymbolicLink()) return fault('is a symbolic link', 'remove it; serve creates it again');
  if (stats.uid !== process.getuid!())
    return fault(`belongs to user ${String(stats.uid)}`, 'make yourself its owner: chown');
  const mode = stats.mode & 0o777;
  const others = PUBLIC_NAMES.test(path) ? mode & 0o022 : mode & 0o077;
  if (others === 0) return undefined;
  const right = stats.isDirectory() ? '700' : '600';
  const advice = `chmod ${right} ${shellWord(path)}${path.endsWith('token') ? ', then muse-bus token rotate' : ''}`;
  return fault(`has mode ${mode.toString(8)}: others can use it`, advice);
}

function journal(root: string): Finding[] {
  const state = stateLocation(root).path;
  const names = existsSync(state) ? readdirSync(state) : [];
  const damaged = names.filter((name) => name.startsWith('journal.damaged-'));
  const findings = damaged.map((name) =>
    note(
      'journal',
      `${name} was set aside`,
      `clients cannot resume from it; to delete it: rm -r ${shellWord(join(state, name))}`,
    ),
  );
  if (!names.includes('journal')) return [...findings, ok('journal', 'none yet')];
  const path = join(state, 'journal');
  const bytes = readdirSync(path).reduce((sum, name) => sum + lstatSync(join(path, name)).size, 0);
  return [...findings, ok('journal', `${(bytes / 2 ** 20).toFixed(1)} MiB in ${path}`)];
}

/** Finds files that a killed process has left. Serve removes them at its next start. */
function unfinished(root: string): Finding[] {
  const directories = [join(root, '.muse', 'bus'), stateLocation(root).path];
  const paths = directories.flatMap((directory) => staleTemporaries(directory, Date.now()));
  return paths.map((path) =>
    note(
      'temporary',
      `${path} was left by a killed process`,
      `serve removes it when it starts; to remove it now: rm ${path}`,
    ),
  );
}

const ABANDONED_SHOWN = 3;

/** Finds private state of repositories that no longer exist. Serve removes it after some days; a user can remove it at once. */
function abandoned(root: string): Finding[] {
  const days = KEEP_ABANDONED_MS / 86_400_000;
  const all = abandonedStates(stateLocation(root).all);
  const findings = all.slice(0, ABANDONED_SHOWN).map(({ path, repository, lastUsedMs }) => {
    const age = duration(Date.now() - lastUsedMs);
    return note(
      'abandoned',
      `${path} is the private state of ${repository}, which no longer exists; last used ${age} ago`,
      `serve removes it after ${String(days)} days; to remove it now: rm -r ${path}`,
    );
  });
  const more = all.length - findings.length;
  if (more === 0) return findings;
  return [
    ...findings,
    note(
      'abandoned',
      `${String(more)} more repositories no longer exist`,
      `serve removes their state after ${String(days)} days`,
    ),
  ];
}

/** Only the first are shown; muse-bus config shows all. */
const REFUSALS_SHOWN = 3;

function configuration(root: string): Finding[] {
  try {
    const { views, refusals, unknownVariables } = resolveSettings(new Map(), process.env, root);
    if (unknownVariables.length > 0)
      return [wrong('settings', unknownVariables.join('; '), 'correct the name, or unset the variable')];
    const set = views.filter(({ origin }) => origin !== 'default').map(({ name, origin }) => `${name} (${origin})`);
    return [
      ok('settings', set.length === 0 ? 'all at their defaults' : `set: ${set.join(', ')}`),
      ...refusals.slice(0, REFUSALS_SHOWN).map(({ name, value, where, why, allow }) => {
        const what = name === '*' ? value : `${name} = ${value}`;
        return note('refused', `${what}, in ${where}: ${why}`, allow);
      }),
      ...(refusals.length <= REFUSALS_SHOWN
        ? []
        : [note('refused', `${String(refusals.length - REFUSALS_SHOWN)} more settings`, 'muse-bus config shows them')]),
    ];
  } catch (error) {
    const { message, hint } = toCliError(error);
    return [wrong('settings', message, hint === '' ? 'muse-bus config shows all of them' : hint)];
  }
}
