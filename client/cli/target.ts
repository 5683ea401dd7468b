import type { Command } from 'commander';

/** Which bus is meant, as it was written. */
export interface TargetFlags {
  readonly root?: string;
  readonly url?: string;
  readonly token?: string;
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
    .option('--token <token>', 'its token (default: MUSE_BUS_TOKEN, or from .muse/bus/endpoint.json)');
}

/** Flags over environment; a repository that is named by a flag is not overruled by a url in the environment. */
export function readTarget(flags: TargetFlags, env: NodeJS.ProcessEnv = process.env): Target {
  const url = flags.url ?? (flags.root === undefined ? given(env['MUSE_BUS_URL']) : undefined);
  const token = flags.token ?? given(env['MUSE_BUS_TOKEN']);
  return {
    root: flags.root ?? given(env['MUSE_BUS_ROOT']) ?? process.cwd(),
    server: url === undefined ? undefined : { url, token },
  };
}

/** An empty variable says nothing. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
