import { existsSync, lstatSync, readdirSync, statfsSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { deafFileSystem, diagnoseWatching } from '../../../server/index.js';
import {
  abandonedStates,
  KEEP_ABANDONED_MS,
  safeDirectories,
  stateLocation,
} from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import { note, ok, wrong, type Finding } from './finding.js';
import { duration } from '../commands/holders.js';
import { resolveSettings } from '../settings/resolve-settings.js';

const MIN_FREE_BYTES = 256 * 2 ** 20;

/** The repository's directories, what is private in them, and the settings. */
export function examineRepository(root: string): Finding[] {
  return [
    ok('repository', root),
    watching(root),
    ...fileSystem(root),
    ...privacy(root),
    ...consent(),
    ...journal(root),
    ...abandoned(root),
    ...configuration(root),
  ];
}

function watching(root: string): Finding {
  const advice = 'serve polls by itself then; --poll-interval says how often. A local disk needs no polling';
  try {
    const { mechanism, deaf } = diagnoseWatching(root);
    if (deaf === undefined)
      return ok('watching', `${mechanism} tells of changes in .muse/coordination; serve tests that when it starts`);
    return wrong('watching', `${mechanism}: ${deaf}`, advice);
  } catch (error) {
    return wrong('watching', toCliError(error).message, 'make it a directory that you may read');
  }
}

function fileSystem(root: string): Finding[] {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  const room = `${String(Math.floor(free / 2 ** 20))} MiB free`;
  const name = deafFileSystem(root);
  return [
    free >= MIN_FREE_BYTES
      ? ok('disk', room)
      : wrong('disk', room, 'make room: on a full disk the journal stops, and records are torn'),
    ...(name === undefined
      ? []
      : [note('file system', name, 'changes made elsewhere give no hint here: serve on the machine that writes')]),
  ];
}

function privacy(root: string): Finding[] {
  // Windows keeps permissions elsewhere.
  if (process.getuid === undefined) return [];
  const { path } = stateLocation(root);
  const directories = [join(root, '.muse', 'bus'), path].filter((directory) => existsSync(directory));
  if (directories.length === 0) return [ok('private files', 'none yet; the first start makes them')];
  const faults = directories.flatMap(faultsIn);
  return faults.length > 0 ? faults : [ok('private files', `what is in ${directories.join(' and ')} is yours alone`)];
}

function faultsIn(directory: string): Finding[] {
  try {
    const paths = [directory, ...readdirSync(directory).map((name) => join(directory, name))];
    return paths.flatMap((path) => faultOf(path, lstatSync(path)) ?? []);
  } catch (error) {
    return [wrong('private files', toCliError(error).message, 'give it to yourself: chown')];
  }
}

/** Other users' repositories are not looked at without this user's consent. */
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

/** Files that say nothing secret. */
const OPEN_NAMES = /(^|\/)(\.gitignore|config\.json)$/;

function faultOf(path: string, stats: Stats): Finding | undefined {
  const fault = (found: string, advice: string): Finding => wrong('private files', `${path} ${found}`, advice);
  if (stats.isSymbolicLink()) return fault('is a symbolic link', 'remove it; it is made anew');
  if (stats.uid !== process.getuid!()) return fault(`belongs to user ${String(stats.uid)}`, 'chown it to yourself');
  const mode = stats.mode & 0o777;
  const others = OPEN_NAMES.test(path) ? mode & 0o022 : mode & 0o077;
  if (others === 0) return undefined;
  const right = stats.isDirectory() ? '700' : '600';
  const advice = `chmod ${right} ${path}${path.endsWith('token') ? ', then muse-bus token rotate' : ''}`;
  return fault(`has mode ${mode.toString(8)}: others may use it`, advice);
}

function journal(root: string): Finding[] {
  const state = stateLocation(root).path;
  const names = existsSync(state) ? readdirSync(state) : [];
  const damaged = names.filter((name) => name.startsWith('journal.damaged-'));
  const findings = damaged.map((name) =>
    note('journal', `${name} was set aside`, `what it held is lost to clients that resume; rm -r ${join(state, name)}`),
  );
  if (!names.includes('journal')) return [...findings, ok('journal', 'none yet')];
  const path = join(state, 'journal');
  const bytes = readdirSync(path).reduce((sum, name) => sum + lstatSync(join(path, name)).size, 0);
  return [...findings, ok('journal', `${(bytes / 2 ** 20).toFixed(1)} MiB in ${path}`)];
}

const ABANDONED_SHOWN = 3;

/** Private state of repositories that are gone: serve removes it in time, whoever wants the room now does it by hand. */
function abandoned(root: string): Finding[] {
  const days = KEEP_ABANDONED_MS / 86_400_000;
  const all = abandonedStates(stateLocation(root).all);
  const findings = all.slice(0, ABANDONED_SHOWN).map(({ path, repository, lastUsedMs }) => {
    const age = duration(Date.now() - lastUsedMs);
    return note(
      'abandoned',
      `${path} is the private state of ${repository}, which is gone; last used ${age} ago`,
      `serve removes such state after ${String(days)} days; rm -r ${path}`,
    );
  });
  const more = all.length - findings.length;
  if (more === 0) return findings;
  return [
    ...findings,
    note('abandoned', `${String(more)} more repositories are gone`, 'serve removes their state in time'),
  ];
}

/** As many are shown; muse-bus config shows all. */
const REFUSALS_SHOWN = 3;

function configuration(root: string): Finding[] {
  try {
    const { views, refusals, unknownVariables } = resolveSettings(new Map(), process.env, root);
    if (unknownVariables.length > 0) return [wrong('settings', unknownVariables.join('; '), 'correct it, or unset it')];
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
