import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { Failure } from './failure.js';

/** Which bus is meant, as it was written. */
export interface TargetFlags {
  readonly root?: string;
  readonly url?: string;
  readonly token?: string;
  readonly endpoint?: string;
}

/** Which bus is meant. Without `server` it is the one that serves the repository, or the directory itself. */
export interface Target {
  /** A directory in the repository. */
  readonly root: string;
  readonly server: { readonly url: string; readonly token: string | undefined } | undefined;
}

export function withTarget(command: Command): Command {
  return command
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('--url <url>', 'the bus, ws://host:port (default: MUSE_BUS_URL, or the one that serves the repository)')
    .option('--endpoint <file>', 'the file in which a bus says where it is and its token (default: MUSE_BUS_ENDPOINT)')
    .option('--token <token>', 'its token (default: MUSE_BUS_TOKEN, or from .muse/bus/endpoint.json)');
}

/**
 * Flags over environment; a repository that is named by a flag is not overruled by a url in the environment.
 * @throws Failure where a file that is named says nothing of a bus.
 */
export function readTarget(flags: TargetFlags, env: NodeJS.ProcessEnv = process.env): Target {
  const isNamed = flags.url !== undefined || flags.root !== undefined;
  const file = flags.endpoint ?? (isNamed ? undefined : given(env['MUSE_BUS_ENDPOINT']));
  if (file !== undefined && flags.url === undefined) return { root: process.cwd(), server: serverIn(file) };
  const url = flags.url ?? (flags.root === undefined ? given(env['MUSE_BUS_URL']) : undefined);
  const token = flags.token ?? given(env['MUSE_BUS_TOKEN']);
  return {
    root: flags.root ?? given(env['MUSE_BUS_ROOT']) ?? process.cwd(),
    server: url === undefined ? undefined : { url, token },
  };
}

function serverIn(file: string): NonNullable<Target['server']> {
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as { url?: unknown; token?: unknown };
    if (typeof url === 'string' && typeof token === 'string') return { url, token };
    throw new Error('it has no url or no token');
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${(error as Error).message}`, 'no_endpoint', 'is the server running?');
  }
}

/** An empty variable says nothing. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
