import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { NATIVE_ENGINE_SHA256 } from '../../../server/network/native-engine-sha256.js';
import { findNativeBinary, NativeEngineError } from '../../../server/network/native-engine.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARIES = join(ROOT, 'node_modules', 'uWebSockets.js', 'dist', 'bin');
const NAME = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;

const sha256Of = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-engine-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

function faultIn(directory: string, allowed: readonly string[] = []): NativeEngineError {
  try {
    findNativeBinary(allowed, directory);
  } catch (error) {
    if (error instanceof NativeEngineError) return error;
    throw error;
  }
  throw new Error('it was found');
}

t.test('every binary of the package is known by its hash, and no other', { skip: !existsSync(BINARIES) }, async (t) => {
  const found = readdirSync(BINARIES).map((name) => [name, sha256Of(join(BINARIES, name))] as const);
  t.strictSame(Object.fromEntries(found), NATIVE_ENGINE_SHA256);
});

t.test('a binary with other bytes is refused with its hash, and only that hash allows it', async (t) => {
  const official = temporary(t);
  writeFileSync(join(official, NAME), 'another build');
  const repack = temporary(t);
  mkdirSync(join(repack, 'dist', 'bin'), { recursive: true });
  writeFileSync(join(repack, 'dist', 'bin', NAME), 'another build');
  for (const directory of [official, repack]) {
    const { reason, message, cure } = faultIn(directory);
    const sha256 = createHash('sha256').update('another build').digest('hex');
    t.equal(reason, 'unknown-binary');
    t.ok(message.includes(sha256));
    t.ok(cure.includes(`--native-engine-sha256 ${sha256}`));
    t.equal(findNativeBinary([sha256], directory).sha256, sha256);
    t.equal(faultIn(directory, ['0'.repeat(64)]).reason, 'unknown-binary');
  }
});

t.test('a binary with the hash of another platform is unknown', { skip: !existsSync(BINARIES) }, async (t) => {
  const other = readdirSync(BINARIES).find((name) => name !== NAME)!;
  const directory = temporary(t);
  cpSync(join(BINARIES, other), join(directory, NAME));
  t.equal(faultIn(directory).reason, 'unknown-binary');
});

t.test('if there is no build for this Node, the error says so and what to install', async (t) => {
  t.match(faultIn(temporary(t)), { reason: 'absent', message: new RegExp(process.versions.node), cure: /npm install/ });
});

const skip = existsSync(join(BINARIES, NAME)) ? false : 'no native engine for this Node';

t.test('as installed: an unknown binary is never loaded, auto serves with ws, uws fails', { skip }, async (t) => {
  // The program as it is shipped, with its own package of the engine. All other packages are found one directory further up.
  const folder = temporary(t);
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
  const main = join(installed, 'dist', 'client', 'cli', 'main.js');
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
  t.match(auto, /serving with ws/);

  // A checkout cannot allow the binary.
  mkdirSync(repository.bus, { recursive: true, mode: 0o700 });
  writeFileSync(join(repository.bus, 'config.json'), JSON.stringify({ native_engine_sha256: [sha256] }));
  t.match(await transportOf([]), /"transport":"ws"/);
  t.match(await transportOf([], { MUSE_BUS_NATIVE_ENGINE_SHA256: sha256 }), /"transport":"uws"/);
  t.notOk(existsSync(trace), 'the JavaScript of the package did not run');
});
