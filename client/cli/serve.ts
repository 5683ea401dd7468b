import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import {
  BusServer,
  type BackendChoice,
  type Endpoint,
  type Log,
  type ServerOptions,
  type TransportChoice,
} from '../../server/index.js';
import { findRepository } from '../endpoint-file.js';
import { Failure } from './failure.js';
import type { Terminal } from './terminal.js';

/** The flags of `serve` as they were written. */
export interface ServeFlags {
  readonly root?: string;
  readonly host: string;
  readonly port: string;
  readonly backend: string;
  readonly pollInterval: string;
  readonly transport: string;
  readonly logLevel: string;
}

/** Serves a repository until a signal ends it. */
export async function serve(flags: ServeFlags, terminal: Terminal): Promise<void> {
  const server = new BusServer(readServeFlags(flags));
  const endpoint = await startServer(server);
  terminal.out(`Inspector  ${inspectorUrl(endpoint)}`);
  await untilSignal();
  await server.stop();
}

/** @throws Failure with what to do about it. */
export async function startServer(server: BusServer): Promise<Endpoint> {
  try {
    return await server.start();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw error;
    throw new Failure(
      (error as Error).message,
      'port_in_use',
      'the port is taken: choose another with --port, or 0 for any',
    );
  }
}

/** The address that opens the inspector; the token is in the fragment, which no browser sends anywhere. */
export function inspectorUrl({ url, token }: Endpoint): string {
  return `${url.replace(/^ws/, 'http')}/#token=${token}`;
}

/** Logs on stderr: lines for people on a terminal, JSON elsewhere. */
export function makeLog(level: string): Log {
  if (!process.stderr.isTTY) return pino({ level }, pino.destination({ fd: 2, sync: true }));
  return pino(
    { level },
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}

/** Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilSignal(): Promise<void> {
  return new Promise((done) => {
    const first = (): void => {
      process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143));
      done();
    };
    process.once('SIGINT', first).once('SIGTERM', first);
  });
}

function readServeFlags(flags: ServeFlags): ServerOptions {
  return {
    root: findRoot(flags.root),
    host: flags.host,
    port: readInteger('--port', flags.port),
    backend: oneOf<BackendChoice>('--backend', flags.backend, ['auto', 'native', 'polling']),
    pollIntervalMs: Math.round(readSeconds('--poll-interval', flags.pollInterval) * 1_000),
    transport: oneOf<TransportChoice>('--transport', flags.transport, ['auto', 'uws', 'ws']),
    log: makeLog(oneOf('--log-level', flags.logLevel, ['debug', 'info', 'warn', 'error', 'silent'])),
  };
}

function findRoot(named: string | undefined): string {
  if (named !== undefined) {
    if (!existsSync(named)) throw new Failure(`--root ${resolve(named)} does not exist`, 'no_repository');
    return resolve(named);
  }
  const found = findRepository(process.cwd());
  if (found !== undefined) return found;
  throw new Failure(
    `looked for .muse/ in ${process.cwd()} and every directory above it, and found none`,
    'no_repository',
    `run inside a repository, or name one with --root; ${join('DIR', '.muse')} is made where it is missing`,
  );
}

function readInteger(flag: string, text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) > 65_535)
    throw new Failure(`${flag} must be from 0 to 65535, got ${text}`);
  return Number(text);
}

function readSeconds(flag: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0.01 && value <= 3_600)) throw new Failure(`${flag} must be in [0.01, 3600.0], got ${text}`);
  return value;
}

function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new Failure(`${flag} must be one of ${allowed.join(', ')}, got ${text}`);
  return found;
}
