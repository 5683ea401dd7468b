import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

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
