import type { Limits } from '../../../server/index.js';
import { SAFE_DIRECTORIES_KEY } from './config-entry.js';
import { flagOf, variableOf, type Setting } from './setting.js';
import { SETTINGS, type SettingName } from './settings.js';

/**
 * The values that the repository's own file may set. The file comes with a checkout, so anyone may have written it: it may set only what
 * cannot harm the user who runs the server.
 */
export type RepositoryRule =
  | { readonly may: 'nothing' }
  /** A number that is at most the one in force, and not below `least`. */
  | { readonly may: 'lower'; readonly least: number }
  | { readonly may: 'range'; readonly low: number; readonly high: number }
  | { readonly may: 'choose'; readonly values: readonly string[] };

export interface SourceRule {
  readonly repository: RepositoryRule;
  /** The reason for the rule. */
  readonly because: string;
}

const nothing = (because: string): SourceRule => ({ repository: { may: 'nothing' }, because });
const lower = (because: string, least = 1): SourceRule => ({ repository: { may: 'lower', least }, because });
const range = (low: number, high: number, because: string): SourceRule => ({
  repository: { may: 'range', low, high },
  because,
});
const choose = (values: readonly string[], because: string): SourceRule => ({
  repository: { may: 'choose', values },
  because,
});

const NETWORK = 'decides who can reach the bus';
const PATH = 'would read a file of the user that the checkout chooses';
const STREAM = 'changes a NATS stream that others share';
const NATS = 'would send all records to a server that the checkout chooses';

/** What the repository's file may set. All other sources may set any valid value. */
export const SOURCE_RULES: Readonly<Record<SettingName, SourceRule>> = {
  host: nothing(NETWORK),
  port: nothing('could be taken by another user before the server starts'),
  backend: choose(['auto', 'polling'], 'costs little time; native would switch off the self-test'),
  pollInterval: range(0.25, 10, 'keeps processor load low in this range, and sees leases in time'),
  transport: nothing('decides which native code is loaded'),
  nativeEngineSha256: nothing('would load a binary that the checkout chooses'),
  settle: range(0.05, 2, 'causes no false problems in this range, and hides no broken file'),
  heartbeat: range(1, 15, 'keeps network load low in this range, and detects a dead server'),
  reconcile: range(5, 60, 'keeps processor load low in this range, and finds changes in time'),
  goneAfter: range(10, 600, 'ends no server after a short absence in this range, and keeps none for long'),
  idleTimeout: nothing('depends on the network between the bus and its clients'),
  stateDir: nothing('would put the token and the journal where the checkout can plant its own'),
  journal: nothing('would lose the history at a restart'),
  journalMaxEvents: lower('uses less disk; a client that resumes too late gets a resync', 1_000),
  journalMaxAge: lower('uses less disk; a client that resumes too late gets a resync', 3_600),
  journalMaxBytes: lower('uses less disk; a client that resumes too late gets a resync', 1_048_576),
  allowOrigin: nothing('would allow a page to connect'),
  allowHost: nothing('would disable the defence against DNS rebinding'),
  tlsCert: nothing(PATH),
  tlsKey: nothing(PATH),
  insecure: nothing('would send the token unencrypted'),
  probePort: nothing('could be taken by another user before the server starts'),
  probeHost: nothing(NETWORK),
  drain: nothing('decides how long a server takes to end'),
  maxStaleness: nothing('would let an edge serve old records as new ones'),
  sharePort: nothing(NETWORK),
  repositories: nothing(PATH),
  relay: nothing(NATS),
  relayRepository: nothing("would publish under another repository's name"),
  relayCreds: nothing(PATH),
  relayNkey: nothing(PATH),
  relayUser: nothing(NATS),
  relayPasswordFile: nothing(PATH),
  relayTokenFile: nothing(PATH),
  relayCa: nothing(PATH),
  relayCert: nothing(PATH),
  relayKey: nothing(PATH),
  relayPublicKey: nothing('would trust a key that the checkout chooses'),
  relayDomain: nothing('would read another stream than the operator chose'),
  relayInbox: nothing('would let other users of NATS read what is answered'),
  relayMaxMessages: nothing(STREAM),
  relayMaxBytes: nothing(STREAM),
  relayMaxAge: nothing(STREAM),
  relayReplicas: nothing(STREAM),
  logLevel: nothing('would hide what is refused'),
  limit: lower('only refuses clients that exceed it; limits that could hide records have a minimum'),
};

/**
 * The minimum of some limits. A refused client gets an error, but a refused record is invisible, and its addresses would look
 * free.
 */
export const LEAST_LIMITS: Readonly<Partial<Record<keyof Limits, number>>> = {
  maxRecords: 10_000,
  maxRecordBytes: 16_384,
  maxRecordDepth: 8,
  maxIdBytes: 128,
};

/** Returns why a value from the repository's file is refused; `undefined` if it is allowed. */
export function repositoryFault(
  { repository: rule, because }: SourceRule,
  value: unknown,
  inForce: unknown,
): string | undefined {
  switch (rule.may) {
    case 'nothing':
      return `no checkout may set it: it ${because}`;
    case 'lower': {
      if (Number(value) > Number(inForce)) return `a checkout may only lower it, and ${String(inForce)} is in force`;
      if (Number(value) >= rule.least) return undefined;
      return `a checkout may not lower it below ${String(rule.least)}`;
    }
    case 'range':
      if (Number(value) >= rule.low && Number(value) <= rule.high) return undefined;
      return `a checkout may set it from ${String(rule.low)} to ${String(rule.high)}`;
    case 'choose':
      return rule.values.includes(String(value)) ? undefined : `a checkout may set it to ${rule.values.join(' or ')}`;
  }
}

/** A setting or a similar value, and its possible sources. */
export interface SourceRow {
  readonly name: string;
  readonly flag: string | undefined;
  readonly variable: string | undefined;
  readonly isInUserFile: boolean;
  readonly rule: SourceRule;
}

/** Values that no configuration file may contain, and the one key that only the user's file may have. */
const OTHERS: readonly SourceRow[] = [
  {
    name: SAFE_DIRECTORIES_KEY,
    flag: undefined,
    variable: undefined,
    isInUserFile: true,
    rule: nothing('is the consent to repositories of other users'),
  },
  ...(
    [
      ['root', '--root', 'MUSE_BUS_ROOT', "decides which repository's file is read"],
      ['url', '--url', 'MUSE_BUS_URL', 'decides which server gets the token'],
      ['endpoint', '--endpoint', 'MUSE_BUS_ENDPOINT', 'decides which server gets the token'],
      ['token', '--token-file', 'MUSE_BUS_TOKEN', 'is a secret'],
      ['relay_password', '--relay-password-file', 'MUSE_BUS_RELAY_PASSWORD', 'is a secret'],
      ['relay_token', '--relay-token-file', 'MUSE_BUS_RELAY_TOKEN', 'is a secret'],
    ] as const
  ).map(([name, flag, variable, because]) => ({ name, flag, variable, isInUserFile: false, rule: nothing(because) })),
];

/** All settings, then values such as tokens that are set in a similar way. In the order of the help. */
export const SOURCE_TABLE: readonly SourceRow[] = [
  ...(Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]).map(([name, setting]) => ({
    name: setting.name,
    flag: flagOf(setting),
    variable: variableOf(setting),
    isInUserFile: true,
    rule: SOURCE_RULES[name],
  })),
  ...OTHERS,
];
