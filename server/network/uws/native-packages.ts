import { NATIVE_ENGINE_SHA256 } from './native-engine-sha256.js';

/** A package on npm that carries builds of uWebSockets.js. Its authors publish none themselves (SECURITY.md says who does). */
export interface NativePackage {
  /** Name and version on npm, as the log and `doctor` name it. */
  readonly spec: string;
  /** The name under which Node finds it. */
  readonly importName: string;
  /** What `npm install` is given. */
  readonly install: string;
  /** The Node versions that it has builds for. */
  readonly nodes: string;
  /** The oldest glibc that its builds for Linux load with. */
  readonly leastGlibc: string;
}

/**
 * In the order in which they are tried. The first is in no list of dependencies: who installs it wants it. `uWebSockets.js` is also the
 * name under which a user puts an official build.
 */
export const NATIVE_PACKAGES: readonly NativePackage[] = [
  {
    spec: '@btc-vision/uwebsockets.js@20.57.0',
    importName: '@btc-vision/uwebsockets.js',
    install: '@btc-vision/uwebsockets.js@20.57.0',
    nodes: '20, 22, 24 and 25',
    leastGlibc: '2.38',
  },
  {
    spec: 'uws-pack@20.0.8',
    importName: 'uWebSockets.js',
    install: 'uWebSockets.js@npm:uws-pack@20.0.8',
    nodes: '20 and 22',
    leastGlibc: '2.27',
  },
];

/** The Node and the system that a binary has to load on. */
export interface Machine {
  readonly node: string;
  /** `process.versions.modules`: the number of the binary interface, which the names of the binaries end in. */
  readonly abi: string;
  readonly platform: string;
  readonly arch: string;
  /** The version of glibc; `undefined` where there is none (macOS, Windows, musl). */
  readonly glibc: string | undefined;
}

/** The name of a binary, the same in every package and in the official builds. */
export const binaryName = ({ platform, arch, abi }: Machine): string => `uws_${platform}_${arch}_${abi}.node`;

/** The package whose binary of this name has this hash; `undefined` if none has. */
export function packageOfBinary(name: string, sha256: string): string | undefined {
  return NATIVE_PACKAGES.find(({ spec }) => NATIVE_ENGINE_SHA256[spec]?.[name] === sha256)?.spec;
}

/** Whether a package has a build that loads on a machine, as far as its builds are known. */
export function fits({ spec, leastGlibc }: NativePackage, machine: Machine): boolean {
  if (NATIVE_ENGINE_SHA256[spec]?.[binaryName(machine)] === undefined) return false;
  return machine.platform !== 'linux' || (machine.glibc !== undefined && isAtLeast(machine.glibc, leastGlibc));
}

function isAtLeast(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
