import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { readAddresses } from '../../sdk/address.js';
import { BusError } from '../../sdk/bus-error.js';
import type { AddressHolding } from '../../sdk/holders.js';
import { goneAway, type McpBus } from './bus.js';
import { BOUND, MAX_WAIT_S, mcpTool, reportProgress, type McpTool } from './tool.js';
import { shownHolders } from './who-holds.js';

const RETRY_MS = 500;
/** How long the bus may take to answer at the end of the wait. */
const LAST_ANSWER_TIMEOUT_MS = 2_000;

export function waitUntilFreeTool(bus: McpBus): McpTool {
  return mcpTool({
    name: 'wait_until_free',
    title: 'Wait until an address is free',
    description:
      'Waits until nobody holds an address, nor what it covers or is covered by. free: yes; no: timed out, see holders; ' +
      'unknown: cannot be known (away_since: bus away); call again.',
    input: {
      address: z.string().min(1).describe('as for who_holds'),
      branch: z.string().optional().describe('only reservations on it'),
      timeout_s: z.number().min(0).max(MAX_WAIT_S).default(25),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      free: { type: 'string', enum: ['yes', 'no', 'unknown'] },
      away_since: { type: 'string' },
      total: { type: 'integer' },
      holders: { type: 'array', items: { type: 'object' } },
      after: { type: 'string' },
      truncated: { type: 'object' },
    },
    always: ['free'],
    answer: async ({ address, branch, timeout_s, max_tokens }, call) => {
      const about = { branch, ...bus.addresses };
      readAddresses(address, about);
      const stop = reportProgress(call, timeout_s);
      const endsAt = performance.now() + timeout_s * 1_000;
      try {
        const outcome = await untilFree(bus, address, about, endsAt, call.signal);
        if (outcome.is === 'away') return { free: 'unknown', away_since: outcome.since };
        const { free, holders } = outcome.holding;
        if (free === 'yes') return { free };
        return shownHolders(holders, { after: undefined, now: outcome.now, maxTokens: max_tokens }, { free });
      } finally {
        stop();
      }
    },
  });
}

type About = Readonly<{ branch: string | undefined }> & McpBus['addresses'];
type Outcome =
  | { readonly is: 'known'; readonly holding: AddressHolding; readonly now: number }
  | { readonly is: 'away'; readonly since: string };

/** Waits on any available bus, and looks for another one if it goes away. */
async function untilFree(
  bus: McpBus,
  address: string,
  about: About,
  endsAt: number,
  signal: AbortSignal,
): Promise<Outcome> {
  for (;;) {
    const left = Math.max(0, endsAt - performance.now());
    const over = new AbortController();
    const signals = AbortSignal.any([over.signal, signal]);
    try {
      const client = await bus.client();
      const mirror = await bus.leases();
      const away = goneAway(client, over.signal).then(() => 'away' as const);
      const late = pause(left, 'late' as const, { signal: signals });
      const free = mirror.whenFree(address, { ...about, signal: signals }).then(() => 'free' as const);
      // When the race is over, the signal ends the waits that lost it. Nothing awaits their rejections.
      free.catch(() => undefined);
      late.catch(() => undefined);
      const first = await Promise.race([free, late, away]);
      if (first === 'free') return { is: 'known', holding: { free: 'yes', holders: [] }, now: client.serverNow() };
      if (first === 'late') {
        const holding = await client.holding(address, { ...about, signal, timeoutMs: LAST_ANSWER_TIMEOUT_MS });
        return { is: 'known', holding, now: client.serverNow() };
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof BusError) || !IS_AWAY.has(error.code)) throw error;
      if (performance.now() < endsAt)
        await pause(Math.min(RETRY_MS, endsAt - performance.now()), undefined, { signal });
    } finally {
      over.abort();
    }
    if (performance.now() >= endsAt) return { is: 'away', since: new Date(bus.awaySince ?? Date.now()).toISOString() };
  }
}

const IS_AWAY: ReadonlySet<string> = new Set(['unreachable', 'no-endpoint', 'timeout', 'closed']);
