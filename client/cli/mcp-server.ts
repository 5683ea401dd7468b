import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { VERSION } from '../../protocol/index.js';
import type { McpBus } from './mcp-bus.js';
import { explainTool } from './mcp-explain.js';
import { snapshotTool } from './mcp-snapshot.js';
import { waitForChangeTool } from './mcp-wait.js';
import { whoHoldsTool } from './mcp-who-holds.js';

const INSTRUCTIONS =
  'Coordination of agents that work on one repository: who has reserved which symbols, and what changes. Before you edit, ' +
  'ask who_holds. To wait, pass the cursor of the last answer to wait_for_change, as often as it takes.';

/** The tools, on a bus. Connected to a transport by the caller. */
export function mcpServer(bus: McpBus): McpServer {
  const server = new McpServer({ name: 'muse-bus', version: VERSION }, { instructions: INSTRUCTIONS });
  for (const register of [snapshotTool, whoHoldsTool, waitForChangeTool, explainTool]) register(server, bus);
  return server;
}
