import { z } from 'zod';
import type { FilterInput } from '../../../protocol/index.js';
import type { BusClient } from '../../sdk/bus-client.js';
import { AnswerBudget, shortChange, truncation, UNTRUSTED } from './answers.js';
import { AddressWatch } from './address-watch.js';
import { goneAway, noAnswer, ANSWER_TIMEOUT_MS, type McpBus } from './bus.js';
import { BOUND, EVENT_FILTER, filterOf, MAX_WAIT_S, mcpTool, reportProgress, type McpTool } from './tool.js';

/** Changes within this time after the first one belong to the same answer. */
const BATCH_MS = 30;

interface Wait {
  readonly filter: FilterInput;
  readonly cursor: string | undefined;
  readonly watch: AddressWatch | undefined;
  readonly timeoutMs: number;
  readonly limit: number;
  readonly isFull: boolean;
  readonly maxTokens: number;
}

export function waitForChangeTool(bus: McpBus): McpTool {
  return mcpTool({
    name: 'wait_for_change',
    title: 'Wait for a change',
    description:
      'Waits for matching changes after a cursor (default: now). Answers {cursor,changes}, or {cursor,timed_out}; call ' +
      'again with the cursor. {resync}: changes are lost, take a snapshot. {away_since}: bus away, call again.',
    input: {
      cursor: z.string().optional().describe('from the last answer'),
      ...EVENT_FILTER,
      timeout_s: z.number().min(0).max(MAX_WAIT_S).default(25),
      limit: z.number().int().min(1).max(100).default(20),
      full: z.boolean().default(false).describe('data whole'),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      cursor: { type: 'string' },
      changes: { type: 'array', items: { type: 'object' } },
      timed_out: { type: 'boolean' },
      away_since: { type: 'string' },
      resync: { type: 'string' },
      more: { type: 'boolean' },
      truncated: { type: 'object' },
    },
    always: [],
    answer: async ({ cursor, timeout_s, limit, full, max_tokens, addresses, ...filter }, call) => {
      const wait = { cursor, timeoutMs: timeout_s * 1_000, limit, isFull: full, maxTokens: max_tokens };
      const stop = reportProgress(call, timeout_s);
      try {
        const client = await bus.client();
        const watch = addresses && new AddressWatch(await bus.leases(), addresses, bus.addresses);
        return await waitForChange(bus, client, { ...wait, filter: filterOf(filter), watch }, call.signal);
      } finally {
        stop();
      }
    },
  });
}

/** A cursor of the maximum length. */
const CURSOR_PLACEHOLDER = 'x'.repeat(48);

async function waitForChange(bus: McpBus, client: BusClient, wait: Wait, signal: AbortSignal): Promise<object> {
  const { filter, watch, cursor: since, timeoutMs, limit, isFull, maxTokens } = wait;
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  // The wait begins when the bus has confirmed the cursor.
  let timer = setTimeout(end, ANSWER_TIMEOUT_MS);
  await using subscription = client.subscribe(filter, {
    snapshot: 'none',
    signal: AbortSignal.any([over.signal, signal]),
    ...(since === undefined ? {} : { since }),
  });
  const away = new AbortController();
  void goneAway(client, over.signal).then(() => {
    away.abort();
    over.abort();
  });
  const budget = new AnswerBudget({ untrusted: UNTRUSTED, cursor: CURSOR_PLACEHOLDER, changes: [] }, maxTokens, isFull);
  let cursor = since;
  let isMore = false;
  let resync: string | undefined;
  try {
    for await (const update of subscription.updates()) {
      if (update.type === 'resync') {
        resync = update.reason;
        continue;
      }
      if (update.type === 'event' && watch && !watch.concerns(update.event)) {
        cursor = update.event.cursor;
        continue;
      }
      if (update.type === 'event' && !budget.take((size) => shortChange(update.event, isFull, size))) {
        // The next call returns this change, after the cursor of the last change that fitted.
        isMore = true;
        break;
      }
      cursor = update.type === 'event' ? update.event.cursor : update.cursor;
      if (resync !== undefined || budget.count >= limit) break;
      const isFirst = update.type === 'event' && budget.count === 1;
      if (!isFirst && budget.count > 0) continue;
      clearTimeout(timer);
      timer = setTimeout(end, isFirst ? BATCH_MS : timeoutMs);
    }
  } finally {
    clearTimeout(timer);
    over.abort();
  }
  if (resync !== undefined) return { resync, cursor };
  if (budget.count > 0) {
    const { items, cut } = budget.list;
    return { untrusted: UNTRUSTED, cursor, changes: items, ...(isMore ? { more: true } : {}), ...truncation(0, cut) };
  }
  // The cursor has moved even though nothing matched.
  cursor = subscription.cursor ?? cursor;
  if (away.signal.aborted || client.status.state !== 'live') {
    const from = new Date(bus.awaySince ?? Date.now()).toISOString();
    return { ...(cursor === undefined ? {} : { cursor }), away_since: from };
  }
  if (cursor === undefined) throw noAnswer();
  return { cursor, timed_out: true };
}
