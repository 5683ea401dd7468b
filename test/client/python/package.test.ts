import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { VERSION } from '../../../protocol/index.js';
import { PACKAGE, PYTHON, run, runServed, whyNoPython } from './python.js';

const skip = whyNoPython('websockets', 'setuptools', 'wheel', 'pip', 'venv') ?? false;

/** What the build leaves beside the sources is left beside a copy of them. */
function built(call: 'build_wheel' | 'build_sdist', work: string): string {
  const source = join(work, 'source');
  cpSync(PACKAGE, source, { recursive: true, filter: (path) => !path.includes('__pycache__') });
  const program = `import setuptools.build_meta as build; build.${call}(${JSON.stringify(work)})`;
  execFileSync(PYTHON, ['-c', program], { cwd: source, stdio: 'pipe' });
  rmSync(source, { recursive: true });
  return join(
    work,
    readdirSync(work).find((name) => /\.(whl|tar\.gz)$/.test(name))!,
  );
}

function workDirectory(t: Test): string {
  const work = mkdtempSync(join(tmpdir(), 'muse-bus-python-'));
  t.teardown(() => {
    rmSync(work, { recursive: true, force: true });
  });
  return work;
}

t.test('the wheel works where nothing but websockets is installed', { skip, timeout: 60_000 }, async (t) => {
  const work = workDirectory(t);
  const wheel = built('build_wheel', work);
  const environment = join(work, 'environment');
  execFileSync(PYTHON, ['-m', 'venv', '--without-pip', '--system-site-packages', environment]);
  const python = join(environment, 'bin', 'python');
  const install = ['-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-compile', wheel];
  execFileSync(python, install, { stdio: 'pipe' });

  const about =
    'import importlib.metadata as m, pathlib, muse_bus; p = pathlib.Path(muse_bus.__file__).parent; ' +
    'print(p); print(muse_bus.__version__); print(m.version("muse-bus")); print((p / "py.typed").exists())';
  const [place, ...said] = execFileSync(python, ['-c', about], { cwd: work, encoding: 'utf8' }).trim().split('\n');
  t.ok(place!.startsWith(environment), 'it is the one that was installed');
  t.strictSame(said, [VERSION, VERSION, 'True']);

  const pure = await run(
    ['-m', 'unittest', 'test_cases', 'test_channel', 'test_fake_bus', 'test_servers_in_turn'],
    python,
  );
  t.equal(pure.code, 0, pure.report);
  const served = await runServed(['-m', 'unittest', 'test_server.WhoIsTrusted'], {}, { python, path: '' });
  t.equal(served.code, 0, served.report);
});

t.test('the source distribution holds the sources and nothing else', { skip }, async (t) => {
  const sdist = built('build_sdist', workDirectory(t));
  const names = execFileSync('tar', ['-tzf', sdist], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => name.replace(/^[^/]+\//, ''))
    .filter((name) => name !== '' && !name.endsWith('/') && !/egg-info|^(PKG-INFO|setup\.cfg)$/.test(name));
  const sources = readdirSync(PACKAGE, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(\.(py|md|toml|typed))$/.test(name),
  );
  t.strictSame(names.sort(), sources.sort());
});
