import type { Limits } from '../../../server/index.js';
import { SAFE_DIRECTORIES_KEY } from './config-entry.js';
import { flagOf, variableOf, type Setting } from './setting.js';
import { SETTINGS, type SettingName } from './settings.js';

/**
 * What the repository's own file may say of a setting. That file comes with a checkout, and so from whoever made that: it
 * gets what cannot hurt the user who runs the server, and nothing else.
 */
export type RepositoryRule =
  | { readonly may: 'nothing' }
  /** A number that is at most the one in force; `least` where less would hide something. */
  | { readonly may: 'lower'; readonly least: number }
  | { readonly may: 'range'; readonly low: number; readonly high: number }
  | { readonly may: 'choose'; readonly values: readonly string[] };

export interface SourceRule {
  readonly repository: RepositoryRule;
  /** Why no more than that, and why that much. */
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
const PATH = "would read a file of the user's that the checkout chooses";
const STREAM = 'changes a stream in NATS that others share';
const NATS = 'would hand all records to a server that the checkout chooses';

/** What each setting may be given by the repository's file; every other source may give it any value that it takes. */
export const SOURCE_RULES: Readonly<Record<SettingName, SourceRule>> = {
  host: nothing(NETWORK),
  port: nothing('would be known beforehand, and taken beforehand by another user'),
  backend: choose(['auto', 'polling'], 'costs a little time at most; native would switch off the self-test'),
  pollInterval: range(0.25, 10, 'costs, within these, neither a busy processor nor leases that are seen too late'),
  transport: nothing('decides which native code is loaded'),
  nativeEngineSha256: nothing('would let a binary run that the checkout chooses'),
  settle: range(0.05, 2, 'makes, within these, no false problems and hides no broken file'),
  heartbeat: range(1, 15, 'makes, within these, no busy network, and no dead server looks quiet'),
  reconcile: range(5, 60, 'costs, within these, neither a busy processor nor changes that are found too late'),
  goneAfter: range(10, 600, 'ends, within these, no server for a short absence, and keeps none for long'),
  idleTimeout: nothing('is a matter of the network between the bus and its clients'),
  stateDir: nothing('would put the token and the journal where the checkout can bring its own'),
  journal: nothing('would have a restart lose what happened'),
  journalMaxEvents: lower('takes less of the disk; a client that comes too late is told to resync', 1_000),
  journalMaxAge: lower('takes less of the disk; a client that comes too late is told to resync', 3_600),
  journalMaxBytes: lower('takes less of the disk; a client that comes too late is told to resync', 1_048_576),
  allowOrigin: nothing('would let a page in'),
  allowHost: nothing('would take away the defence against DNS rebinding'),
  tlsCert: nothing(PATH),
  tlsKey: nothing(PATH),
  insecure: nothing('would send the token in the clear'),
  relay: nothing(NATS),
  relayRepository: nothing("would publish under another repository's name"),
  relayCreds: nothing(PATH),
  relayUser: nothing(NATS),
  relayPasswordFile: nothing(PATH),
  relayTokenFile: nothing(PATH),
  relayCa: nothing(PATH),
  relayCert: nothing(PATH),
  relayKey: nothing(PATH),
  relayMaxMessages: nothing(STREAM),
  relayMaxBytes: nothing(STREAM),
  relayMaxAge: nothing(STREAM),
  relayReplicas: nothing(STREAM),
  logLevel: nothing('would hide what is refused'),
  limit: lower('costs a client that meets it a refusal that says so; what hides records has a lowest value'),
};

/**
 * What a file's limits may not be lowered beyond: a client that is refused is told, but a record that is not taken in is
 * not seen, and its addresses would look free.
 */
export const LEAST_LIMITS: Readonly<Partial<Record<keyof Limits, number>>> = {
  maxRecords: 10_000,
  maxRecordBytes: 16_384,
  maxRecordDepth: 8,
  maxIdBytes: 128,
};

/**
 * Why a value from the repository's file is refused; `undefined` where it is not.
 * @param inForce what holds without that file.
 */
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

/** One thing that decides something, and who may say it. */
export interface SourceRow {
  readonly name: string;
  readonly flag: string | undefined;
  readonly variable: string | undefined;
  readonly isInUserFile: boolean;
  readonly rule: SourceRule;
}

/** What no file of settings may hold, and the one thing that only the user's may. */
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
      ['root', '--root', 'MUSE_BUS_ROOT', "says where the repository's file is"],
      ['url', '--url', 'MUSE_BUS_URL', 'says to whom a token is shown'],
      ['endpoint', '--endpoint', 'MUSE_BUS_ENDPOINT', 'says to whom a token is shown'],
      ['token', '--token-file', 'MUSE_BUS_TOKEN', 'is a secret'],
      ['relay_password', '--relay-password-file', 'MUSE_BUS_RELAY_PASSWORD', 'is a secret'],
      ['relay_token', '--relay-token-file', 'MUSE_BUS_RELAY_TOKEN', 'is a secret'],
    ] as const
  ).map(([name, flag, variable, because]) => ({ name, flag, variable, isInUserFile: false, rule: nothing(because) })),
];

/** Every setting and what is like one, in the order of the help. */
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

/** The rule as the documents have it. */
export function ruleText(rule: RepositoryRule): string {
  switch (rule.may) {
    case 'nothing':
      return 'no';
    case 'lower':
      return rule.least > 1 ? `lower, down to ${String(rule.least)}` : 'lower';
    case 'range':
      return `${String(rule.low)} to ${String(rule.high)}`;
    case 'choose':
      return rule.values.join(', ');
  }
}
