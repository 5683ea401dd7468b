import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import type { FilterInput } from '../../protocol/index.js';
import type { BusClient } from '../bus-client.js';
import { shortRecord } from './mcp-answers.js';
import { inTime, type McpBus } from './mcp-bus.js';
import { answered, LOOKS_ONLY, readFilter, RECORD_FILTER } from './mcp-tool.js';

export function snapshotTool(server: McpServer, bus: McpBus): void {
  const config = {
    description: 'Records that stand now. Answers {cursor,total,records}; pass the cursor to wait_for_change.',
    inputSchema: {
      ...RECORD_FILTER,
      limit: z.number().int().min(1).max(500).default(50),
      full: z.boolean().default(false).describe('data whole and unshortened'),
    },
    annotations: LOOKS_ONLY,
  };
  server.registerTool('snapshot', config, ({ limit, full, ...filter }) =>
    answered(async () => inTime(snapshot(await bus.client(), readFilter(filter), limit, full))),
  );
}

async function snapshot(client: BusClient, filter: FilterInput, limit: number, isFull: boolean): Promise<object> {
  const records: object[] = [];
  let total = 0;
  await using subscription = client.subscribe(filter);
  for await (const update of subscription.updates()) {
    if (update.type === 'event') {
      if (++total <= limit) records.push(shortRecord(update.event, isFull));
    } else if (update.type === 'resync') {
      // Begun anew: the connection broke inside the snapshot.
      records.length = 0;
      total = 0;
    } else {
      return { cursor: update.cursor, total, records };
    }
  }
  throw new Error('the subscription ended before the snapshot was complete');
}
