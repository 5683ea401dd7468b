import type { RelayOptions } from '../../../server/index.js';
import type { ResolvedSettings } from './resolve-settings.js';

/** Secrets are neither flags, which process lists show, nor settings, which logs show. */
const SECRET_VARIABLES = ['MUSE_BUS_RELAY_PASSWORD', 'MUSE_BUS_RELAY_TOKEN'] as const;

/** The options of the relay; `undefined` if no relay is set. */
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
    // A file overrides a variable, as a flag does.
    ...(settings.relayPasswordFile === undefined
      ? { password: secretIn(env[passwordVariable]) }
      : { passwordFile: settings.relayPasswordFile }),
    ...(settings.relayTokenFile === undefined
      ? { token: secretIn(env[tokenVariable]) }
      : { tokenFile: settings.relayTokenFile }),
    caFile: settings.relayCa,
    certFile: settings.relayCert,
    keyFile: settings.relayKey,
    publicKeys: settings.relayPublicKey,
    domain: settings.relayDomain,
    inboxPrefix: settings.relayInbox,
    limits: {
      maxMessages: settings.relayMaxMessages,
      maxBytes: settings.relayMaxBytes,
      maxAgeMs: Math.round(settings.relayMaxAge * 1_000),
      replicas: settings.relayReplicas,
    },
  };
}

/** An empty variable counts as unset. */
const secretIn = (variable: string | undefined): string | undefined => (variable === '' ? undefined : variable);
