import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { KINDS, type Explanation } from '../../protocol/index.js';
import { inTime, type McpBus } from './mcp-bus.js';
import { answered, EVENT_FILTER, LOOKS_ONLY, readFilter } from './mcp-tool.js';

export function explainTool(server: McpServer, bus: McpBus): void {
  const config = {
    description: 'Why a filter does or does not match a record: its last change, or that of a revision.',
    inputSchema: {
      kind: z.enum(KINDS),
      id: z.string().min(1),
      filter: z.object(EVENT_FILTER).strict().describe('as given to the other tools'),
      revision: z.number().int().min(1).optional(),
    },
    annotations: LOOKS_ONLY,
  };
  server.registerTool('explain', config, ({ kind, id, filter, revision }) =>
    answered(async () => {
      const question = { filter: readFilter(filter), kind, id, ...(revision === undefined ? {} : { revision }) };
      return shortExplanation(await inTime((await bus.client()).inspect('explain', question)));
    }),
  );
}

function shortExplanation({ verdict, reasons, revision }: Explanation): object {
  return { verdict, reasons: reasons.map(({ text }) => text), ...(revision === undefined ? {} : { revision }) };
}
