// A preload: below MUSE_TEST_WITHOUT_MODES every file is shown as open to everybody, and `chmod` is refused or has no effect, as on the
// drives of Windows in WSL and on CIFS mounts. It shows that something fails there, not that it works on the real system.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const below = process.env['MUSE_TEST_WITHOUT_MODES'];
const isRefused = process.env['MUSE_TEST_CHMOD'] === 'refused';
const { lstatSync, fstatSync, fchmodSync, readlinkSync } = fs;
const pathOf = (path) => String(path).replace(/^\/proc\/self\/fd\/\d+/, (descriptor) => readlinkSync(descriptor));
const isBelow = (path) => below !== undefined && pathOf(path).startsWith(below);
const opened = (stats) => {
  if (stats) stats.mode = typeof stats.mode === 'bigint' ? stats.mode | 0o777n : stats.mode | 0o777;
  return stats;
};
const fileOf = (file) => `/proc/self/fd/${String(file)}`;

fs.lstatSync = (path, options) => (isBelow(path) ? opened(lstatSync(path, options)) : lstatSync(path, options));
fs.fstatSync = (file, options) => (isBelow(fileOf(file)) ? opened(fstatSync(file, options)) : fstatSync(file, options));
fs.fchmodSync = (file, mode) => {
  if (!isBelow(fileOf(file))) return fchmodSync(file, mode);
  if (isRefused) throw Object.assign(new Error('EPERM: operation not permitted, fchmod'), { code: 'EPERM' });
};
syncBuiltinESMExports();
