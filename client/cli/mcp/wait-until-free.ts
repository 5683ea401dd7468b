import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { readAddresses } from '../../sdk/address.js';
import { BusError } from '../../sdk/bus-error.js';
import type { AddressHolding } from '../../sdk/holders.js';
import { CliError } from '../cli-error.js';
import { goneAway, type McpBus } from './bus.js';
import { BOUND, MAX_WAIT_S, mcpTool, reportProgress, type McpTool } from './tool.js';
import type { Tickets } from './tickets.js';
import { shownHolders } from './who-holds.js';

const RETRY_MS = 500;
/** How long the bus may take to answer at the end of the wait. */
const LAST_ANSWER_TIMEOUT_MS = 2_000;

export function waitUntilFreeTool(bus: McpBus, tickets: Tickets): McpTool {
  return mcpTool({
    name: 'wait_until_free',
    title: 'Wait until an address is free',
    description:
      'Waits until nobody holds an address, nor what it covers or is covered by. free: yes; no: timed out, see holders; ' +
      'unknown: cannot be known (away_since: bus away). Call again with the ticket.',
    input: {
      address: z.string().min(1).optional().describe('or ticket'),
      ticket: z.string().optional().describe('from the last answer'),
      branch: z.string().optional(),
      timeout_s: z.number().min(0).max(MAX_WAIT_S).default(25),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      free: { type: 'string', enum: ['yes', 'no', 'unknown'] },
      ticket: { type: 'string' },
      was_free_at: { type: 'string' },
      away_since: { type: 'string' },
      total: { type: 'integer' },
      holders: { type: 'array', items: { type: 'object' } },
      after: { type: 'string' },
      truncated: { type: 'object' },
    },
    always: ['free'],
    answer: async ({ timeout_s, max_tokens, ...asked }, call) => {
      const { address, branch, ...ticket } = await ticketFor(asked, tickets);
      const about = { branch, ...bus.addresses };
      readAddresses(address, about);
      const stop = reportProgress(call, timeout_s);
      const endsAt = performance.now() + timeout_s * 1_000;
      try {
        const outcome = await untilFree(bus, address, about, endsAt, call.signal);
        if (outcome.is === 'away') return { free: 'unknown', away_since: outcome.since, ...ticket };
        const { free, holders } = outcome.holding;
        if (free === 'yes') return { free };
        const kept = 'ticket' in ticket ? ticket : { ticket: await tickets.issue({ address, branch }) };
        return shownHolders(holders, { after: undefined, now: outcome.now, maxTokens: max_tokens }, { free, ...kept });
      } finally {
        stop();
      }
    },
  });
}

interface Asked {
  readonly address?: string | undefined;
  readonly branch?: string | undefined;
  readonly ticket?: string | undefined;
}

/** Returns what to wait for: what the arguments name, or what the ticket was issued for. @throws CliError */
async function ticketFor(
  { address, branch, ticket }: Asked,
  tickets: Tickets,
): Promise<{ address: string; branch: string | undefined; ticket?: string; was_free_at?: string }> {
  if (ticket === undefined) {
    if (address !== undefined) return { address, branch };
    throw new CliError('wait_until_free needs an address or a ticket', 'bad_args', 'the first call takes the address');
  }
  const { freeAt, ...about } = await tickets.take(ticket);
  if (address !== undefined && address !== about.address) {
    const hint = 'give only the ticket';
    throw new CliError(`the ticket ${ticket} is for ${about.address}, not for ${address}`, 'bad_args', hint);
  }
  return { ...about, ticket, ...(freeAt === undefined ? {} : { was_free_at: new Date(freeAt).toISOString() }) };
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
