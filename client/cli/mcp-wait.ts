import { z } from 'zod';
import type { FilterInput } from '../../protocol/index.js';
import type { BusClient } from '../bus-client.js';
import { AnswerRoom, shortChange, truncation, UNTRUSTED } from './mcp-answers.js';
import { noAnswer, PATIENCE_MS, type McpBus } from './mcp-bus.js';
import { BOUND, EVENT_FILTER, filterOf, mcpTool, type McpTool, type ToolCall } from './mcp-tool.js';

/** Clients give up on a tool after a minute. */
const LONGEST_WAIT_S = 50;
/** What comes so soon after the first change belongs to the same answer. */
const GATHER_MS = 30;
const PROGRESS_EVERY_MS = 5_000;

interface Wait {
  readonly filter: FilterInput;
  readonly cursor: string | undefined;
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
      'again with the cursor. {resync}: changes before the cursor are lost, take a snapshot.',
    input: {
      cursor: z.string().optional().describe('from the last answer'),
      ...EVENT_FILTER,
      timeout_s: z.number().min(0).max(LONGEST_WAIT_S).default(25),
      limit: z.number().int().min(1).max(100).default(20),
      full: z.boolean().default(false).describe('data whole'),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      cursor: { type: 'string' },
      changes: { type: 'array', items: { type: 'object' } },
      timed_out: { type: 'boolean' },
      resync: { type: 'string' },
      more: { type: 'boolean' },
      truncated: { type: 'object' },
    },
    always: ['cursor'],
    answer: async ({ cursor, timeout_s, limit, full, max_tokens, ...filter }, call) => {
      const wait = { cursor, timeoutMs: timeout_s * 1_000, limit, isFull: full, maxTokens: max_tokens };
      const stop = tellProgress(call, timeout_s);
      try {
        return await waitForChange(await bus.client(), { ...wait, filter: filterOf(filter) }, call.signal);
      } finally {
        stop();
      }
    },
  });
}

/** In seconds of those that it may take, from the beginning on. @returns stops. */
function tellProgress({ progress }: ToolCall, totalS: number): () => void {
  const startedAt = performance.now();
  const tell = (): void => progress((performance.now() - startedAt) / 1_000, totalS);
  tell();
  const timer = setInterval(tell, PROGRESS_EVERY_MS);
  return () => clearInterval(timer);
}

/** As long as they get. */
const LONGEST_CURSOR = 'x'.repeat(48);

async function waitForChange(client: BusClient, wait: Wait, signal: AbortSignal): Promise<object> {
  const { filter, cursor: since, timeoutMs, limit, isFull, maxTokens } = wait;
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  // The wait begins when the bus has said where we are.
  let timer = setTimeout(end, PATIENCE_MS);
  await using subscription = client.subscribe(filter, {
    snapshot: 'none',
    signal: AbortSignal.any([over.signal, signal]),
    ...(since === undefined ? {} : { since }),
  });
  const room = new AnswerRoom({ untrusted: UNTRUSTED, cursor: LONGEST_CURSOR, changes: [] }, maxTokens, isFull);
  let cursor = since;
  let isMore = false;
  let resync: string | undefined;
  try {
    for await (const update of subscription.updates()) {
      if (update.type === 'resync') {
        resync = update.reason;
        continue;
      }
      if (update.type === 'event' && !room.take((most) => shortChange(update.event, isFull, most))) {
        // It comes again after the cursor of the last that had room.
        isMore = true;
        break;
      }
      cursor = update.type === 'event' ? update.event.cursor : update.cursor;
      if (resync !== undefined || room.count >= limit) break;
      const isFirst = update.type === 'event' && room.count === 1;
      if (!isFirst && room.count > 0) continue;
      clearTimeout(timer);
      timer = setTimeout(end, isFirst ? GATHER_MS : timeoutMs);
    }
  } finally {
    clearTimeout(timer);
  }
  if (resync !== undefined) return { resync, cursor };
  if (room.count > 0) {
    const { items, cut } = room.list;
    return { untrusted: UNTRUSTED, cursor, changes: items, ...(isMore ? { more: true } : {}), ...truncation(0, cut) };
  }
  // Though nothing matched, the place has moved.
  cursor = subscription.cursor ?? cursor;
  if (cursor === undefined) throw noAnswer();
  return { cursor, timed_out: true };
}
