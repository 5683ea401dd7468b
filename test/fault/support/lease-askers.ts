import { spawn } from 'node:child_process';
import { UNBUNDLED_MUSE_BUS } from '../../support/command.js';
import { connect, type BusClient, type Mirror } from '../../../client/sdk/index.js';
import { McpBus } from '../../../client/cli/mcp/bus.js';
import { whoHoldsTool } from '../../../client/cli/mcp/who-holds.js';
import type { BusProcess } from './bus-process.js';
import type { Proxy } from './proxy.js';

const ASK_MS = 2_000;

export type Answer = 'free' | 'held' | 'unknown';

/** One way to ask who holds an address. An error, or no answer in time, counts as `unknown`. */
export interface Asker {
  readonly name: string;
  ask(address: string): Promise<Answer>;
}

/** The askers that a lane opens once: a client with a direct connection, a client behind the proxy that fails, HTTP, and MCP. */
export class LeaseAskers {
  readonly each: readonly Asker[];
  readonly #mcp: McpBus;

  private constructor(
    private readonly root: string,
    bus: () => BusProcess,
    private readonly near: BusClient,
    private readonly far: BusClient,
    private readonly mirrors: readonly Mirror[],
  ) {
    this.#mcp = new McpBus(() => ({ root, server: undefined }), { err: () => undefined });
    const tool = whoHoldsTool(this.#mcp);
    const call = { signal: new AbortController().signal, progress: () => undefined };
    this.each = [
      { name: 'bus.holding', ask: async (address) => holdingOf(near, address) },
      { name: 'bus.holding, behind the proxy', ask: async (address) => holdingOf(far, address) },
      { name: 'GET /holders', ask: async (address) => httpHolders(bus(), address) },
      {
        name: 'MCP who_holds',
        ask: async (address) => {
          const { isError, structuredContent } = await tool.call({ address }, call);
          const { holders, free } = (structuredContent ?? {}) as { holders?: readonly unknown[]; free?: string };
          if (isError === true || free === 'unknown') return 'unknown';
          return holders?.length === 0 ? 'free' : 'held';
        },
      },
    ];
  }

  static async open(root: string, bus: () => BusProcess, proxy: Proxy): Promise<LeaseAskers> {
    const backoff = { firstMs: 10, longestMs: 50 };
    const near = await connect({ root, backoff });
    const far = await connect({ url: proxy.url, getToken: () => bus().endpoint.token, backoff });
    const mirrors = [await near.mirror(), await far.mirror({ kinds: ['reservation'] })];
    return new LeaseAskers(root, bus, near, far, mirrors);
  }

  /** The mirrors of both clients, for `whenFree`. */
  get waiting(): readonly Mirror[] {
    return this.mirrors;
  }

  get areLive(): boolean {
    return this.near.status.state === 'live' && this.far.status.state === 'live';
  }

  /** The control: whether a mirror has the address as free by the client's clock alone, from the records received so far. */
  byOwnClock(address: string): boolean {
    return this.mirrors.some(({ swarm, moment }) =>
      swarm.held({ now: moment.now }).every(({ addresses }) => addresses.every(({ text }) => text !== address)),
    );
  }

  /** Runs `wait --free` in its own process. */
  waitFree(address: string): Promise<Answer> {
    return this.#command(['wait', '--free', address, '--timeout', '60'], (code) => (code === 0 ? 'free' : 'unknown'));
  }

  /** Runs `wait --free --timeout 0`, which does not wait. */
  lookFree(address: string): Promise<Answer> {
    const args = ['wait', '--free', address, '--timeout', '0'];
    return this.#command(args, (code) => (code === 0 ? 'free' : code === 2 ? 'held' : 'unknown'));
  }

  /** Runs `holders`: success with no output means that nobody holds the address. */
  holders(address: string): Promise<Answer> {
    return this.#command(['holders', address, '--json'], (code, out) =>
      code !== 0 ? 'unknown' : out === '' ? 'free' : 'held',
    );
  }

  async close(): Promise<void> {
    await this.#mcp.close();
    await Promise.all([this.near.close(), this.far.close()]);
  }

  #command(args: readonly string[], read: (code: number | null, out: string) => Answer): Promise<Answer> {
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    const child = spawn(process.execPath, [UNBUNDLED_MUSE_BUS, ...args, '--root', this.root], { stdio: [...stdio] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    return new Promise((resolve) => {
      child.on('close', (code) => {
        resolve(read(code, out.trim()));
      });
    });
  }
}

async function holdingOf(client: BusClient, address: string): Promise<Answer> {
  return answerOf((await client.holding(address, { timeoutMs: ASK_MS })).free);
}

async function httpHolders(bus: BusProcess, address: string): Promise<Answer> {
  const { url, token } = bus.endpoint;
  const response = await fetch(`${url.replace('ws', 'http')}/holders?address=${encodeURIComponent(address)}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ASK_MS),
  });
  if (!response.ok) return 'unknown';
  return answerOf(((await response.json()) as { free: 'yes' | 'no' | 'unknown' }).free);
}

const answerOf = (free: 'yes' | 'no' | 'unknown'): Answer => (free === 'yes' ? 'free' : free === 'no' ? 'held' : free);
