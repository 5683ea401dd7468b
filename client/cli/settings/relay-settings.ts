import { readFileSync } from 'node:fs';
import type { RelayOptions } from '../../../server/index.js';
import { fileError } from '../file-error.js';
import type { ResolvedSettings } from './resolve-settings.js';

/** Secrets are neither flags, which process lists show, nor settings, which logs show. */
export const SECRET_VARIABLES = ['MUSE_BUS_RELAY_PASSWORD', 'MUSE_BUS_RELAY_TOKEN'] as const;

/**
 * The options of the relay; `undefined` if no relay is set.
 * @throws CliError if the file of a secret cannot be read.
 */
export function relayOptions(
  { settings }: Pick<ResolvedSettings, 'settings'>,
  env: NodeJS.ProcessEnv = process.env,
): RelayOptions | undefined {
  if (settings.relay === undefined) return undefined;
  const [passwordVariable, tokenVariable] = SECRET_VARIABLES;
  return {
    url: settings.relay,
    repository: settings.relayRepository,
    credsFile: settings.relayCreds,
    nkeyFile: settings.relayNkey,
    user: settings.relayUser,
    password: secret(env[passwordVariable], settings.relayPasswordFile),
    token: secret(env[tokenVariable], settings.relayTokenFile),
    caFile: settings.relayCa,
    certFile: settings.relayCert,
    keyFile: settings.relayKey,
    publicKeys: settings.relayPublicKey,
    domain: settings.relayDomain,
    limits: {
      maxMessages: settings.relayMaxMessages,
      maxBytes: settings.relayMaxBytes,
      maxAgeMs: Math.round(settings.relayMaxAge * 1_000),
      replicas: settings.relayReplicas,
    },
  };
}

/** A file overrides a variable, as a flag does. An empty variable counts as unset. */
function secret(variable: string | undefined, file: string | undefined): string | undefined {
  if (file === undefined) return variable === '' ? undefined : variable;
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    throw fileError('read', file, error, { status: 'bad_args' });
  }
}
