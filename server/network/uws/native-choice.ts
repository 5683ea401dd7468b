import {
  binaryName,
  fits,
  NATIVE_PACKAGES,
  packageOfBinary,
  type Machine,
  type NativePackage,
} from './native-packages.js';

/** A native binary whose hash is known or allowed. */
export interface NativeBinary {
  readonly file: string;
  readonly sha256: string;
}

/** What became of one package of the native engine. */
export type Trial<Engine> =
  | { readonly at: 'not-installed'; readonly from: NativePackage }
  | { readonly at: 'no-build'; readonly from: NativePackage }
  | { readonly at: 'unknown-binary'; readonly from: NativePackage; readonly binary: NativeBinary }
  | { readonly at: 'failed'; readonly from: NativePackage; readonly binary: NativeBinary; readonly error: unknown }
  | {
      readonly at: 'loaded';
      readonly from: NativePackage;
      readonly binary: NativeBinary;
      readonly engine: Engine;
    };

/** The packages that were tried, in order. Only the last can be loaded. */
export type NativeChoice<Engine> = readonly Trial<Engine>[];

/** How packages are found, hashed and loaded. */
export interface NativeFiles<Engine> {
  /** The package's directory; `undefined` if it is not installed. */
  directoryOf(importName: string): string | undefined;
  /** The binary of this name in a package's directory; `undefined` if there is none. */
  binaryIn(directory: string, name: string): NativeBinary | undefined;
  /** @throws any error of the system's loader. */
  load(binary: NativeBinary): Engine;
}

/**
 * Tries the packages in turn, until one loads. A binary whose hash is neither known nor allowed is not loaded.
 * @param allowed SHA-256 of binaries that may be loaded beside the known ones.
 */
export function chooseNative<Engine>(
  machine: Machine,
  allowed: readonly string[],
  files: NativeFiles<Engine>,
): NativeChoice<Engine> {
  const trials: Trial<Engine>[] = [];
  for (const from of NATIVE_PACKAGES) {
    const trial = tryPackage(from, machine, allowed, files);
    trials.push(trial);
    if (trial.at === 'loaded') break;
  }
  return trials;
}

function tryPackage<Engine>(
  from: NativePackage,
  machine: Machine,
  allowed: readonly string[],
  files: NativeFiles<Engine>,
): Trial<Engine> {
  const directory = files.directoryOf(from.importName);
  if (directory === undefined) return { at: 'not-installed', from };
  const name = binaryName(machine);
  const binary = files.binaryIn(directory, name);
  if (binary === undefined) return { at: 'no-build', from };
  const known = packageOfBinary(name, binary.sha256) !== undefined || allowed.includes(binary.sha256);
  if (!known) return { at: 'unknown-binary', from, binary };
  try {
    return { at: 'loaded', from, binary, engine: files.load(binary) };
  } catch (error) {
    return { at: 'failed', from, binary, error };
  }
}

/** The package that loaded; `undefined` if none did. */
export function loadedOf<Engine>(choice: NativeChoice<Engine>): (Trial<Engine> & { at: 'loaded' }) | undefined {
  const last = choice.at(-1);
  return last?.at === 'loaded' ? last : undefined;
}

/** One line: what loaded, and why the packages before it, or all of them, did not. */
export function describeChoice(choice: NativeChoice<unknown>, machine: Machine): string {
  const loaded = loadedOf(choice);
  // That the package which nobody has to install is not installed is worth a word only if nothing loads.
  const failures = choice.filter(({ at }) => at !== 'loaded' && !(loaded && at === 'not-installed'));
  const why = failures.map((trial) => describeTrial(trial, machine)).join(', ');
  if (!loaded) return `uWebSockets.js does not load: ${why}`;
  return `uWebSockets.js from ${sourceOf(loaded.binary, machine)} (SHA-256 ${loaded.binary.sha256.slice(0, 12)}…)${why === '' ? '' : `; ${why}`}`;
}

function describeTrial(trial: Trial<unknown>, machine: Machine): string {
  const { spec, importName } = trial.from;
  const here = `Node ${machine.node} (${machine.platform} ${machine.arch})`;
  switch (trial.at) {
    case 'not-installed':
      return `${spec} is not installed`;
    case 'no-build':
      return `the installed ${importName} has no build for ${here}`;
    case 'unknown-binary':
      return `${binaryName(machine)} of ${importName} is none of the binaries that are known (SHA-256 ${trial.binary.sha256})`;
    case 'failed':
      return `${sourceOf(trial.binary, machine)} does not load on ${here}: ${loaderError(trial.error)}`;
    case 'loaded':
      return `${spec} loads`;
  }
}

/** Not by the name of the import: a user may put another build there, and allow it. */
const sourceOf = ({ sha256 }: NativeBinary, machine: Machine): string =>
  packageOfBinary(binaryName(machine), sha256) ?? 'a binary that you allowed';

/** What a user can do about it. */
export function cureOf(choice: NativeChoice<unknown>, machine: Machine): string {
  const unknown = choice.find((trial) => trial.at === 'unknown-binary');
  if (unknown) {
    const { from, binary } = unknown;
    return `install ${from.spec} again, or allow this binary, if it is an official build, with --native-engine-sha256 ${binary.sha256}`;
  }
  const missing = choice.find(({ at, from }) => at !== 'failed' && at !== 'loaded' && fits(from, machine));
  if (missing) return `npm install ${missing.from.install}`;
  const builds = NATIVE_PACKAGES.map(
    ({ spec, nodes, leastGlibc }) => `${spec} for Node ${nodes} (glibc ${leastGlibc} or later)`,
  );
  return `there are ${builds.join(', ')}; or take an official build, with --native-engine-sha256`;
}

/** The first line of the loader's message, or what it says about glibc. Paths are left out. */
function loaderError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const glibc = /version .(GLIBC(?:XX)?)_([\d.]+)' not found/.exec(text);
  if (glibc) return `it needs ${glibc[1]!} ${glibc[2]!} or later`;
  return text.split('\n', 1)[0]!.replace(/^.*?\.node: /, '');
}
