import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { CliError } from '../cli-error.js';

interface GivenPorts {
  readonly probePort?: number | undefined;
  /** How else to go on than with another port. */
  readonly share?: string;
}

/** Returns the failure to listen on a port, with what to do; `undefined` for any other error. */
export function portFailure(
  error: unknown,
  { probePort, share = 'or 0 for any free port' }: GivenPorts = {},
): CliError | undefined {
  const { code, message, syscall, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  const isProbes = port !== undefined && port === probePort;
  const another = `choose another port with ${isProbes ? '--probe-port' : '--port'}`;
  if (code === 'EADDRINUSE')
    return new CliError(
      message,
      'port_in_use',
      isProbes ? `${another}: each server needs its own` : `${another}, ${share}`,
    );
  // A port below 1024 on some systems; on Windows also what Hyper-V has reserved.
  if (code !== 'EACCES' || syscall !== 'listen') return undefined;
  return new CliError(message, 'port_refused', `${another}: the system lets this user not have it, or has reserved it`);
}

interface Place {
  readonly root: string;
  readonly host: string;
  readonly port: number;
}

/**
 * Listens for a moment where a server will make `.muse/`, so that one that cannot serve leaves nothing behind. Whatever else may be wrong is
 * reported by the server itself.
 * @throws an error with the code EADDRINUSE if the port is taken
 */
export async function refuseTakenPort({ root, host, port }: Place): Promise<void> {
  if (port === 0 || existsSync(join(root, '.muse'))) return;
  const probe = createServer();
  const code = await new Promise<string | undefined>((resolve) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
  if (code === 'EADDRINUSE') throw Object.assign(new Error(`cannot listen on ${host}:${String(port)}`), { code });
}
