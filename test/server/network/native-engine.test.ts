import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { NATIVE_ENGINE_SHA256 } from '../../../server/network/uws/native-engine-sha256.js';
import {
  chooseNative,
  cureOf,
  describeChoice,
  loadedOf,
  type NativeChoice,
  type NativeFiles,
} from '../../../server/network/uws/native-choice.js';
import { NATIVE_FILES } from '../../../server/network/uws/native-engine.js';
import { NATIVE_PACKAGES, type Machine } from '../../../server/network/uws/native-packages.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARIES = join(ROOT, 'node_modules', 'uWebSockets.js', 'dist', 'bin');
const NAME = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;

const BTC = '@btc-vision/uwebsockets.js@20.57.0';
const PACK = 'uws-pack@20.0.8';
const DEBIAN_12: Machine = { node: '20.20.2', abi: '115', platform: 'linux', arch: 'x64', glibc: '2.36' };
const DEBIAN_13: Machine = { ...DEBIAN_12, glibc: '2.41' };
const on24 = (machine: Machine): Machine => ({ ...machine, node: '24.21.0', abi: '137' });

const sha256Of = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** What is installed, by the name of the import: nothing, or a directory whose binary has a hash, and loads or does not. */
interface Installed {
  readonly sha256?: string | undefined;
  readonly fails?: string;
}

function filesOf(installed: Readonly<Record<string, Installed>>): NativeFiles<string> {
  return {
    directoryOf: (importName) => (installed[importName] ? importName : undefined),
    binaryIn: (directory) => {
      const { sha256 } = installed[directory]!;
      return sha256 === undefined ? undefined : { file: directory, sha256 };
    },
    load: ({ file }) => {
      const { fails } = installed[file]!;
      if (fails !== undefined) throw new Error(fails);
      return file;
    },
  };
}

/** The binary of a package as it was published. */
const published = (spec: string, { platform, arch, abi }: Machine): Installed => ({
  sha256: NATIVE_ENGINE_SHA256[spec]?.[`uws_${platform}_${arch}_${abi}.node`],
});

const NO_GLIBC_2_38 =
  "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /a/uws_linux_x64_137.node)";

const CHOICES = [
  {
    name: 'the package that is installed by default serves, and nothing is said of the other',
    machine: DEBIAN_12,
    installed: { 'uWebSockets.js': published(PACK, DEBIAN_12) },
    loads: 'uWebSockets.js',
    said: 'uWebSockets.js from uws-pack@20.0.8 (SHA-256 6f8d96d761a6…)',
  },
  {
    name: 'of two packages that load, the one that somebody has added serves',
    machine: DEBIAN_13,
    installed: {
      'uWebSockets.js': published(PACK, DEBIAN_13),
      '@btc-vision/uwebsockets.js': published(BTC, DEBIAN_13),
    },
    loads: '@btc-vision/uwebsockets.js',
    said: 'uWebSockets.js from @btc-vision/uwebsockets.js@20.57.0 (SHA-256 5b126ee00bf7…)',
  },
  {
    name: 'a package that needs a newer glibc gives way to one that does not, and the line says why',
    machine: DEBIAN_12,
    installed: {
      'uWebSockets.js': published(PACK, DEBIAN_12),
      '@btc-vision/uwebsockets.js': { ...published(BTC, DEBIAN_12), fails: NO_GLIBC_2_38 },
    },
    loads: 'uWebSockets.js',
    said:
      'uWebSockets.js from uws-pack@20.0.8 (SHA-256 6f8d96d761a6…); @btc-vision/uwebsockets.js@20.57.0 does not load on Node ' +
      '20.20.2 (linux x64): it needs GLIBC 2.38 or later',
  },
  {
    name: 'on Node 24 the package with builds for it serves, beside one without',
    machine: on24(DEBIAN_13),
    installed: { 'uWebSockets.js': {}, '@btc-vision/uwebsockets.js': published(BTC, on24(DEBIAN_13)) },
    loads: '@btc-vision/uwebsockets.js',
    said: 'uWebSockets.js from @btc-vision/uwebsockets.js@20.57.0 (SHA-256 98128405dba2…)',
  },
  {
    name: 'on Node 24 with a new glibc, and only the default package, the cure is to install the other',
    machine: on24(DEBIAN_13),
    installed: { 'uWebSockets.js': {} },
    said:
      'uWebSockets.js does not load: @btc-vision/uwebsockets.js@20.57.0 is not installed, the installed uWebSockets.js has no build ' +
      'for Node 24.21.0 (linux x64)',
    cure: 'npm install @btc-vision/uwebsockets.js@20.57.0',
  },
  {
    name: 'on Node 24 with an old glibc no package is recommended, and the line says what there is',
    machine: on24(DEBIAN_12),
    installed: { '@btc-vision/uwebsockets.js': { ...published(BTC, on24(DEBIAN_12)), fails: NO_GLIBC_2_38 } },
    said:
      'uWebSockets.js does not load: @btc-vision/uwebsockets.js@20.57.0 does not load on Node 24.21.0 (linux x64): it needs GLIBC ' +
      '2.38 or later, uws-pack@20.0.8 is not installed',
    cure: /^there are .* for Node 20, 22, 24 and 25 \(glibc 2\.38 or later\), .* for Node 20 and 22 \(glibc 2\.27 or later\)/,
  },
  {
    name: 'where nothing is installed, the package that fits an old glibc is recommended',
    machine: DEBIAN_12,
    installed: {},
    said: /^uWebSockets\.js does not load: .* is not installed, .* is not installed$/,
    cure: 'npm install uWebSockets.js@npm:uws-pack@20.0.8',
  },
  {
    name: 'without glibc no package is recommended',
    machine: { ...DEBIAN_13, glibc: undefined },
    installed: {},
    said: /does not load/,
    cure: /^there are /,
  },
  {
    name: 'a binary of one package under the name of the other is known',
    machine: DEBIAN_13,
    installed: { 'uWebSockets.js': published(BTC, DEBIAN_13) },
    loads: 'uWebSockets.js',
    said: /^uWebSockets\.js from @btc-vision\/uwebsockets\.js@20\.57\.0 /,
  },
  {
    name: 'an unknown binary is passed over, and named although another loads',
    machine: DEBIAN_13,
    installed: {
      'uWebSockets.js': published(PACK, DEBIAN_13),
      '@btc-vision/uwebsockets.js': { sha256: '0'.repeat(64) },
    },
    loads: 'uWebSockets.js',
    said: /6f8d96d761a6…\); .* of @btc-vision\/uwebsockets\.js is none of the binaries that are known \(SHA-256 0{64}\)$/,
  },
  {
    name: 'the binary of another platform is unknown',
    machine: DEBIAN_12,
    installed: { 'uWebSockets.js': published(PACK, { ...DEBIAN_12, arch: 'arm64' }) },
    said: /none of the binaries that are known/,
    cure: /^install uws-pack@20\.0\.8 again, or allow this binary, if it is an official build, with --native-engine-sha256 c0e29f/,
  },
] as const;

for (const { name, machine, installed, said, ...expected } of CHOICES) {
  t.test(name, async (t) => {
    const choice: NativeChoice<string> = chooseNative(machine, [], filesOf(installed));
    t.equal(loadedOf(choice)?.engine, 'loads' in expected ? expected.loads : undefined);
    t.match(describeChoice(choice, machine), said);
    if ('cure' in expected) t.match(cureOf(choice, machine), expected.cure);
  });
}

t.test('every binary of an installed package is known by its hash, and no other', async (t) => {
  t.strictSame(
    NATIVE_PACKAGES.map(({ spec }) => spec),
    Object.keys(NATIVE_ENGINE_SHA256),
  );
  for (const { importName, spec } of NATIVE_PACKAGES) {
    const directory = NATIVE_FILES.directoryOf(importName);
    if (directory === undefined) continue;
    const binaries = importName === 'uWebSockets.js' ? join(directory, 'dist', 'bin') : directory;
    const names = readdirSync(binaries).filter((file) => file.endsWith('.node'));
    t.strictSame(
      Object.fromEntries(names.map((file) => [file, sha256Of(join(binaries, file))])),
      NATIVE_ENGINE_SHA256[spec],
    );
  }
});

t.test(
  'a binary with other bytes is refused with its hash, and only that hash allows it, in both layouts',
  async (t) => {
    const official = temporaryDirectory(t);
    writeFileSync(join(official, NAME), 'another build');
    const repack = temporaryDirectory(t);
    mkdirSync(join(repack, 'dist', 'bin'), { recursive: true });
    writeFileSync(join(repack, 'dist', 'bin', NAME), 'another build');
    const sha256 = createHash('sha256').update('another build').digest('hex');
    const { node, modules } = process.versions;
    const machine: Machine = { node, abi: modules, platform: process.platform, arch: process.arch, glibc: '2.36' };
    for (const directory of [official, repack]) {
      const files: NativeFiles<string> = {
        directoryOf: (name) => (name === 'uWebSockets.js' ? directory : undefined),
        binaryIn: (...place) => NATIVE_FILES.binaryIn(...place),
        load: ({ file }) => file,
      };
      const refused = chooseNative(machine, ['0'.repeat(64)], files);
      t.equal(refused.at(-1)?.at, 'unknown-binary');
      t.ok(describeChoice(refused, machine).includes(sha256));
      t.ok(cureOf(refused, machine).includes(`--native-engine-sha256 ${sha256}`));
      const allowed = chooseNative(machine, [sha256], files);
      t.equal(loadedOf(allowed)?.binary.sha256, sha256);
      t.match(describeChoice(allowed, machine), /from a binary that you allowed/);
    }
  },
);

const skip = existsSync(join(BINARIES, NAME)) ? false : 'no native engine for this Node';

t.test('as installed: an unknown binary is never loaded, auto serves with ws, uws fails', { skip }, async (t) => {
  // The program as it is shipped, with its own package of the engine. All other packages are found one directory further up.
  const folder = temporaryDirectory(t);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const installed = join(folder, 'installed');
  cpSync(join(ROOT, 'dist'), join(installed, 'dist'), { recursive: true });
  writeFileSync(join(installed, 'package.json'), '{"type":"module"}');
  const engine = join(installed, 'node_modules', 'uWebSockets.js');
  cpSync(join(ROOT, 'node_modules', 'uWebSockets.js', 'package.json'), join(engine, 'package.json'));
  cpSync(join(BINARIES, NAME), join(engine, 'dist', 'bin', NAME));
  // One more byte, which the system's loader would accept, and a wrapper that must not run.
  appendFileSync(join(engine, 'dist', 'bin', NAME), '\0');
  const trace = join(folder, 'wrapper-ran');
  writeFileSync(join(engine, 'dist', 'index.mjs'), `import fs from 'node:fs'; fs.writeFileSync('${trace}', '');`);
  const main = join(installed, 'dist', 'client', 'cli', 'main.cjs');
  const sha256 = sha256Of(join(engine, 'dist', 'bin', NAME));

  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const serve = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Command =>
    new Command(process.execPath, [main, 'serve', '--root', repository.root, '--port', '0', ...args], { env });
  const transportOf = async (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> => {
    const serving = serve(args, env);
    t.teardown(() => {
      serving.kill('SIGKILL');
    });
    await until('it serves', () => serving.lines.length === 1);
    serving.kill('SIGTERM');
    t.equal(await serving.exit, 0);
    return serving.errors.join('\n');
  };

  const demanded = serve(['--transport', 'uws']);
  t.equal(await demanded.exit, 1);
  t.match(demanded.errors.join('\n'), new RegExp(`none of the binaries that are known \\(SHA-256 ${sha256}\\)`));

  const auto = await transportOf([]);
  t.match(auto, /"transport":"ws"/);
  t.equal(auto.match(/none of the binaries that are known/g)?.length, 1, 'said once');
  t.match(auto, /engine: ws, which is slower/);

  // A checkout cannot allow the binary.
  mkdirSync(repository.bus, { recursive: true, mode: 0o700 });
  writeFileSync(join(repository.bus, 'config.json'), JSON.stringify({ native_engine_sha256: [sha256] }));
  t.match(await transportOf([]), /"transport":"ws"/);
  t.match(await transportOf([], { MUSE_BUS_NATIVE_ENGINE_SHA256: sha256 }), /"transport":"uws"/);
  t.notOk(existsSync(trace), 'the JavaScript of the package did not run');
});
