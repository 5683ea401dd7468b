import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { inTime, type McpBus } from './mcp-bus.js';
import { answered, LOOKS_ONLY } from './mcp-tool.js';

const MOST = 20;

export function whoHoldsTool(server: McpServer, bus: McpBus): void {
  const config = {
    description: 'Who holds an address now; a file overlaps its symbols. Answers {holders}, first to lapse first.',
    inputSchema: {
      address: z.string().min(1).describe('src/billing.py::compute_total, or a file'),
      branch: z.string().optional().describe('only reservations on it'),
    },
    annotations: LOOKS_ONLY,
  };
  server.registerTool('who_holds', config, ({ address, branch }) =>
    answered(async () => {
      const client = await bus.client();
      const mirror = await inTime(bus.leases());
      const holders = mirror.holders(address, { branch });
      const shown = holders.slice(0, MOST).map(({ run_id, expires_at, ...holder }) => ({
        run_id,
        branch: holder.branch,
        addresses: holder.addresses.slice(0, MOST),
        expires_at,
        seconds_left: expires_at === undefined ? undefined : secondsUntil(expires_at, client.serverNow()),
        reservation: holder.reservation,
      }));
      return holders.length > MOST ? { total: holders.length, holders: shown } : { holders: shown };
    }),
  );
}

const secondsUntil = (time: string, now: number): number => Math.max(0, Math.ceil((Date.parse(time) - now) / 1_000));
