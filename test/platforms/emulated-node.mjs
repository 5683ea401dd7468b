/**
 * A preload: Node on Linux with the file calls of another platform, as far as libuv's and Node's sources and public reports tell. It shows that
 * something breaks there, never that it works. `MUSE_TEST_PLATFORM` names a platform of the table below.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

const FUSE = 0x65735546;
const NINE_P = 0x01021997;
const SMB2 = 0xfe534d42;

/**
 * `platform`: what the process says it runs on. `hints`: what a watch leaves out. `fileSystem`: the type of the file system, where the platform
 * tells it. `names`: a name in another case or normal form finds the file. `modes`: none are kept, and `chmod` is refused or ignored.
 * `inodes`: change with each process, or each look. `seconds`: times are kept in whole seconds. `held`: so often a rename over a file fails, and
 * so often the removal of one.
 */
export const PLATFORMS = {
  macOS: { platform: 'darwin', hints: 'one stream', names: 'folded' },
  FreeBSD: { platform: 'freebsd', hints: 'directories' },
  Windows: { platform: 'win32', hints: 'small buffer', names: 'folded', links: 'followed', users: 'none', held: 3 },
  'WSL, a Windows drive': { hints: 'none', fileSystem: NINE_P, names: 'folded', modes: 'refused' },
  'Docker Desktop': { hints: 'no removals', fileSystem: FUSE, names: 'folded', modes: 'ignored', inodes: 'by process' },
  sshfs: { hints: 'none', fileSystem: FUSE, inodes: 'by look', seconds: true },
  SMB: { hints: 'none', fileSystem: SMB2, names: 'folded', modes: 'ignored', seconds: true, held: 1 },
};

const emulated = PLATFORMS[process.env['MUSE_TEST_PLATFORM']];
if (emulated !== undefined) emulate(emulated);

function emulate({ platform, hints, fileSystem, names, links, users, modes, inodes, seconds, held }) {
  const real = { ...fs };
  if (platform !== undefined) pretend(platform);
  if (users === 'none') process.getuid = process.geteuid = undefined;
  fs.watch = watchOf(hints, real.watch);
  if (fileSystem !== undefined)
    fs.statfsSync = (path, options) => ({ ...real.statfsSync(path, options), type: fileSystem });

  const at = (path) => String(path).replace(/^\/proc\/self\/fd\/\d+/, (descriptor) => real.readlinkSync(descriptor));
  const isOurs = (path) => /\/(?:\.muse|muse-bus)(?:\/|$)/.test(path);
  const listed = (path) => {
    if (names !== 'folded' || typeof path !== 'string' || !at(path).includes('/.muse/')) return path;
    if (real.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return path;
    try {
      const found = real.readdirSync(dirname(path)).find((name) => folded(name) === folded(basename(path)));
      return found === undefined ? path : join(dirname(path), found);
    } catch {
      return path;
    }
  };
  const shown = (stats, path) => {
    if (!stats || !isOurs(path)) return stats;
    const isBig = typeof stats.mode === 'bigint';
    if (modes !== undefined) stats.mode = isBig ? stats.mode | 0o777n : stats.mode | 0o777;
    if (!isBig) return stats;
    if (seconds) stats.mtimeNs = stats.ctimeNs = stats.mtimeNs - (stats.mtimeNs % 1_000_000_000n);
    if (inodes === 'by process') stats.ino += BigInt(process.pid) << 32n;
    if (inodes === 'by look' && stats.isFile() && at(path).includes('/coordination/')) stats.ino = BigInt(++looks);
    return stats;
  };
  let looks = 0;
  const { O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  fs.openSync = (path, flags, mode) =>
    real.openSync(
      listed(path),
      links === 'followed' && typeof flags === 'number' ? flags & ~(O_NOFOLLOW | O_NONBLOCK) : flags,
      mode,
    );
  fs.lstatSync = (path, options) => shown(real.lstatSync(listed(path), options), at(path));
  fs.statSync = (path, options) => shown(real.statSync(listed(path), options), at(path));
  fs.fstatSync = (file, options) => shown(real.fstatSync(file, options), at(`/proc/self/fd/${String(file)}`));
  const native = (path, options) => real.realpathSync.native(listed(path), options);
  fs.realpathSync = Object.assign((path, options) => real.realpathSync(listed(path), options), { native });
  if (modes !== undefined)
    fs.chmodSync = fs.fchmodSync = () => {
      if (modes === 'refused') throw failure('EPERM', 'chmod');
    };
  if (held !== undefined) {
    const failed = new Map();
    const orFail = (call, path) => {
      const times = (failed.get(`${call} ${String(path)}`) ?? 0) + 1;
      failed.set(`${call} ${String(path)}`, times);
      if (times <= held && real.existsSync(path)) throw failure(call === 'rename' ? 'EPERM' : 'EBUSY', call);
    };
    fs.renameSync = (from, to) => {
      orFail('rename', to);
      real.renameSync(from, to);
    };
    for (const call of ['rmSync', 'unlinkSync', 'rmdirSync'])
      fs[call] = (path, options) => {
        orFail('remove', path);
        real[call](path, options);
      };
  }
  syncBuiltinESMExports();
}

const folded = (name) => name.normalize('NFC').toLowerCase();
const failure = (code, call) => Object.assign(new Error(`${code}: emulated, ${call}`), { code, syscall: call });

/** Native modules load the build for the real platform. */
function pretend(platform) {
  const { platform: real } = process;
  Object.defineProperty(process, 'platform', {
    get: () => (/[\\/]node_modules[\\/]/.test(new Error('who asks').stack ?? '') ? real : platform),
  });
}

function watchOf(hints, watch) {
  const listen = (path, listener) => watch(path, { encoding: 'utf8' }, listener);
  const isSelfTest = (name) => name !== null && name.startsWith('.muse-bus-self-test-');
  switch (hints) {
    case 'one stream':
      return oneStream(listen);
    case 'directories':
      return (path, _options, listener) => listen(path, (type) => type === 'rename' && listener(type, null));
    case 'small buffer':
      return smallBuffer(listen);
    case 'none':
      return (path, _options, listener) => listen(path, (type, name) => isSelfTest(name) && listener(type, name));
    case 'no removals':
      return (path, _options, listener) =>
        listen(path, (type, name) => {
          if (name !== null && fs.existsSync(join(path, name))) listener(type, name);
        });
    default:
      return watch;
  }
}

/** FSEvents: one stream for all directories, opened anew for each further one. What it had not given yet is lost. */
function oneStream(listen) {
  const LATENCY_MS = 50;
  const OPENS_MS = 15;
  const handles = new Set();
  let heard = new Set();
  let waiting = [];
  let flush;
  let opening;
  const reopen = () => {
    opening ??= setTimeout(() => {
      opening = undefined;
      waiting = [];
      heard = new Set(handles);
    }, OPENS_MS).unref();
  };
  return (path, _options, listener) => {
    const handle = {};
    const real = listen(path, (_type, name) => {
      if (!heard.has(handle)) return;
      waiting.push([handle, () => listener('rename', name)]);
      flush ??= setTimeout(() => {
        flush = undefined;
        for (const [of, give] of waiting.splice(0)) if (handles.has(of)) give();
      }, LATENCY_MS);
    });
    handles.add(handle);
    reopen();
    const close = real.close.bind(real);
    real.close = () => {
      handles.delete(handle);
      if (handles.size === 0) clearTimeout(flush);
      reopen();
      close();
    };
    return real;
  };
}

/** ReadDirectoryChangesW: what exceeds 4 KiB in one turn comes as one hint without a name. */
function smallBuffer(listen) {
  const ENTRIES = 27;
  return (path, _options, listener) => {
    let waiting = [];
    return listen(path, (type, name) => {
      if (waiting.length === 0)
        setImmediate(() => {
          const given = waiting;
          waiting = [];
          if (given.length > ENTRIES) listener('change', null);
          else for (const each of given) listener(...each);
        });
      waiting.push([type, name]);
    });
  };
}
