import type { Transport } from './transport.js';

/** Returns why servers cannot share a port here; `undefined` if they can. Where it is not refused, the second would get all clients, or none. */
export function whyPortNotShared(
  engine: Transport['name'],
  platform: NodeJS.Platform = process.platform,
  version: string = process.versions.node,
): string | undefined {
  if (platform === 'darwin' || platform === 'win32')
    return `servers cannot share a port on ${platform === 'darwin' ? 'macOS' : 'Windows'}: give each its own`;
  if (engine === 'uws') return undefined;
  // Earlier versions of Node accept the option and ignore it.
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return undefined;
  return `Node ${version} cannot share a port: use Node 22.12 or later, or the engine uWebSockets.js (--transport uws)`;
}
