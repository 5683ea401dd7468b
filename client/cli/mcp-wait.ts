import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import type { FilterInput } from '../../protocol/index.js';
import type { BusClient } from '../bus-client.js';
import { shortChange } from './mcp-answers.js';
import { noAnswer, PATIENCE_MS, type McpBus } from './mcp-bus.js';
import { answered, EVENT_FILTER, LOOKS_ONLY, readFilter } from './mcp-tool.js';

/** Clients give up on a tool after a minute. */
const LONGEST_WAIT_S = 50;
/** What comes so soon after the first change belongs to the same answer. */
const GATHER_MS = 30;

interface Wait {
  readonly filter: FilterInput;
  readonly cursor: string | undefined;
  readonly timeoutMs: number;
  readonly limit: number;
  readonly isFull: boolean;
  /** The client has lost interest. */
  readonly signal: AbortSignal;
}

export function waitForChangeTool(server: McpServer, bus: McpBus): void {
  const config = {
    description:
      'Waits for matching changes after a cursor (default: now). Answers {cursor,changes}, or {cursor,timed_out}; call ' +
      'again with the cursor. {resync}: changes before the cursor are lost, take a snapshot.',
    inputSchema: {
      cursor: z.string().optional().describe('from the last answer'),
      ...EVENT_FILTER,
      timeout_s: z.number().min(0).max(LONGEST_WAIT_S).default(25),
      limit: z.number().int().min(1).max(100).default(20),
      full: z.boolean().default(false).describe('data whole and unshortened'),
    },
    annotations: LOOKS_ONLY,
  };
  server.registerTool('wait_for_change', config, ({ cursor, timeout_s, limit, full, ...filter }, { signal }) =>
    answered(async () => {
      const wait = { cursor, timeoutMs: timeout_s * 1_000, limit, isFull: full, signal };
      return waitForChange(await bus.client(), { ...wait, filter: readFilter(filter) });
    }),
  );
}

async function waitForChange(client: BusClient, wait: Wait): Promise<object> {
  const { filter, cursor: since, timeoutMs, limit, isFull, signal } = wait;
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
  const changes: object[] = [];
  let cursor = since;
  let resync: string | undefined;
  try {
    for await (const update of subscription.updates()) {
      if (update.type === 'resync') {
        resync = update.reason;
        continue;
      }
      cursor = update.type === 'event' ? update.event.cursor : update.cursor;
      if (update.type === 'event') changes.push(shortChange(update.event, isFull));
      if (resync !== undefined || changes.length >= limit) break;
      const isFirst = update.type === 'event' && changes.length === 1;
      if (!isFirst && changes.length > 0) continue;
      clearTimeout(timer);
      timer = setTimeout(end, isFirst ? GATHER_MS : timeoutMs);
    }
  } finally {
    clearTimeout(timer);
  }
  if (resync !== undefined) return { resync, cursor };
  if (changes.length > 0) return { cursor, changes };
  // Though nothing matched, the place has moved.
  cursor = subscription.cursor ?? cursor;
  if (cursor === undefined) throw noAnswer();
  return { cursor, timed_out: true };
}
