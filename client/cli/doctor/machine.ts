import { readFileSync } from 'node:fs';
import { VERSION } from '../../../protocol/index.js';
import { diagnoseEngine, diagnoseParts, type PartsDiagnosis } from '../../../server/index.js';
import { note, ok, wrong, type Finding } from './finding.js';
import { resolveSettings } from '../settings/resolve-settings.js';

const MIN_NODE = 20;
/** The watcher needs ten watches and one instance; editors and bundlers need many more. */
const MIN_WATCHES = 1_024;
const MIN_INSTANCES = 16;
const MIN_QUEUED = 4_096;
/** With fewer open files, the server accepts fewer clients than `max_connections`. */
const MIN_OPEN_FILES = 4_096;

/** Examines the program, Node, the optional parts and the limits of the kernel. */
export async function examineMachine(): Promise<Finding[]> {
  const parts = await diagnoseParts();
  return [ok('version', `muse-bus ${VERSION}`), node(), engine(), ...optional(parts), ...inotify(), ...openFiles()];
}

function node(): Finding {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= MIN_NODE) return ok('node', `${node} on ${process.platform} ${process.arch}`);
  return wrong('node', node, `install Node ${String(MIN_NODE)} or later`);
}

function engine(): Finding {
  const found = diagnoseEngine(allowedHashes());
  if (found.engine === 'uws') return ok('engine', found.why);
  // An unknown binary may be malicious, so it is more than a matter of speed.
  if (found.reason === 'unknown-binary') return wrong('engine', found.why, found.cure);
  return note(
    'engine',
    `ws, because ${found.why}`,
    `ws does the same, but slower; for the native engine: ${found.cure}`,
  );
}

/** What a server lacks here without a native build or a package. All of them are optional. */
function optional({ journal, locks, relay }: PartsDiagnosis): Finding[] {
  const on = `on Node ${process.versions.node} (${process.platform} ${process.arch})`;
  return [
    journal === undefined
      ? ok('lmdb', 'the build for the journal loads')
      : note(
          'lmdb',
          `no build for the journal loads ${on}: ${journal}`,
          'serve works without: after a restart clients need a new snapshot',
        ),
    locks === undefined
      ? ok('locks', 'the build for file locks loads')
      : note(
          'locks',
          `no build for file locks loads ${on}`,
          'serve works without: do not start two servers of a repository at the same instant',
        ),
    relay === undefined
      ? ok('relay', 'the clients of NATS are installed')
      : note('relay', relay, 'only edges and serve --relay need it'),
  ];
}

/** The hashes that the user allows. The check of the settings reports mistakes in them. */
function allowedHashes(): readonly string[] {
  try {
    return resolveSettings(new Map(), process.env).settings.nativeEngineSha256;
  } catch {
    return [];
  }
}

function inotify(): Finding[] {
  const limits = [
    ['max_user_watches', MIN_WATCHES],
    ['max_user_instances', MIN_INSTANCES],
    ['max_queued_events', MIN_QUEUED],
  ] as const;
  return limits.flatMap(([name, least]) => {
    const value = Number(contentOf(`/proc/sys/fs/inotify/${name}`));
    if (!Number.isFinite(value)) return [];
    const found = `${name} is ${String(value)}`;
    if (value >= least) return [ok('inotify', found)];
    return [wrong('inotify', found, `as root: sysctl fs.inotify.${name}=${String(least * 8)}`)];
  });
}

function openFiles(): Finding[] {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(contentOf('/proc/self/limits') ?? '');
  if (!line) return [];
  const most = line[1] === 'unlimited' ? Infinity : Number(line[1]);
  const found = `at most ${line[1]!}`;
  if (most >= MIN_OPEN_FILES) return [ok('open files', found)];
  return [
    note('open files', found, 'each client needs one: raise the limit with ulimit -n, or LimitNOFILE= of the service'),
  ];
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
