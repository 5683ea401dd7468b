import { DEFAULT_PORT } from '../../protocol/index.js';

/** The defaults of all options that have one, in the option's own unit. The command line shows them. */
export const DEFAULT_OPTIONS = {
  host: '127.0.0.1',
  port: DEFAULT_PORT,
  backend: 'auto' as const,
  pollIntervalMs: 500,
  transport: 'auto' as const,
  settleMs: 200,
  heartbeatMs: 5_000,
  reconcileMs: 10_000,
  goneAfterMs: 60_000,
  idleTimeoutMs: 120_000,
  journal: true,
  journalMaxEvents: 100_000,
  journalMaxAgeMs: 604_800_000,
  journalMaxBytes: 134_217_728,
  insecure: false,
  probeHost: '127.0.0.1',
  drainMs: 0,
  maxStalenessMs: 15_000,
};
