import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpBus } from '../../client/cli/mcp/bus.js';
import { mcpServer } from '../../client/cli/mcp/server.js';
import { topState } from '../../client/cli/commands/top-state.js';
import { connect, type BusClient, type Mirror } from '../../client/sdk/index.js';
import { contestsOf } from '../../client/inspector/model/contention.js';
import { isHeld, leasesOf } from '../../client/inspector/model/lease.js';
import { swarmOf } from '../../client/inspector/model/swarm-of.js';
import { Timeline } from '../../client/inspector/model/timeline.js';
import {
  leaseForm,
  parseQuery,
  unixMillis,
  type Address,
  type BusEvent,
  type EventLease,
  type LeaseForm,
  type Moment,
} from '../../protocol/index.js';
import type { Endpoint } from '../../server/index.js';
import { HttpClient } from '../support/http-client.js';

/** Who holds each of some addresses, one line per lease. All surfaces must give the same lines. */
export type Answer = readonly string[];

export const addressesOf = (text: string): readonly Address[] => {
  const parsed = parseQuery(text);
  if (!parsed.ok) throw new Error(parsed.problem.text);
  return parsed.addresses;
};

type AnsweredLease = Omit<LeaseForm, 'operation'> & Partial<LeaseForm>;

export const line = (
  asked: string,
  { reservation, state, expires_at, effective_expires_at, extended_by }: AnsweredLease,
): string =>
  `${asked}: ${reservation} ${state} ${JSON.stringify(expires_at)} ${effective_expires_at ?? '-'} ${extended_by ?? '-'}`;

/** One way to ask who holds what. */
export interface Surface {
  readonly name: string;
  holders(asked: readonly string[]): Promise<Answer>;
  close(): Promise<void>;
}

export async function mirrorSurface(
  root: string,
): Promise<Surface & { readonly mirror: Mirror; readonly bus: BusClient }> {
  const bus = await connect({ root });
  const mirror = await bus.mirror();
  return {
    name: 'mirror',
    mirror,
    bus,
    holders: (asked) =>
      Promise.resolve(asked.flatMap((text) => mirror.holders(text).map((lease) => line(text, lease)))),
    close: () => bus.close(),
  };
}

/** The output of `top --json`, from the state of a mirror. */
export const topOf = ({ swarm, moment }: Mirror) => topState(swarm, moment);

export function httpSurface(endpoint: Endpoint): Surface {
  const client = new HttpClient(endpoint);
  return {
    name: 'HTTP',
    holders: async (asked) => {
      const lines: string[] = [];
      for (const text of asked) {
        const response = await client.get(`/holders?address=${encodeURIComponent(text)}`);
        const { holders } = (await response.json()) as { readonly holders: readonly LeaseForm[] };
        lines.push(...holders.map((lease) => line(text, lease)));
      }
      return lines;
    },
    close: () => Promise.resolve(),
  };
}

/**
 * One line for the lease of a record, held or not. `lapsed` and `unknown` are both written as `over`: after its end a lease is
 * `unknown` until the server has published `expired`.
 */
export const leaseLine = (lease: EventLease | LeaseForm | undefined): string => {
  if (!lease) return 'none';
  const { reservation, state, expires_at, effective_expires_at, extended_by } = lease;
  const isOver = state === 'lapsed' || state === 'unknown';
  return `${reservation} ${isOver ? 'over' : state} ${JSON.stringify(expires_at)} ${effective_expires_at ?? '-'} ${extended_by ?? '-'}`;
};

export async function recordLeases(endpoint: Endpoint): Promise<string[]> {
  const response = await new HttpClient(endpoint).get('/records?kind=reservation');
  const records = (await response.json()) as readonly BusEvent[];
  return records.map(({ lease }) => leaseLine(lease)).sort();
}

export async function mcpSurface(root: string): Promise<Surface> {
  const bus = new McpBus(() => ({ root, server: undefined }), { err: () => undefined });
  const server = mcpServer(bus);
  const client = new Client({ name: 'test', version: '1' });
  const [here, there] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(there), client.connect(here)]);
  return {
    name: 'MCP',
    holders: async (asked) => {
      const lines: string[] = [];
      for (const address of asked) {
        const result = await client.callTool({ name: 'who_holds', arguments: { address, max_tokens: 20_000 } });
        const [first] = result.content as readonly { readonly text: string }[];
        if (result.isError === true) throw new Error(first!.text);
        const { holders } = JSON.parse(first!.text) as { readonly holders: readonly AnsweredLease[] };
        lines.push(...holders.map((lease) => line(address, lease)));
      }
      return lines;
    },
    close: async () => {
      await client.close();
      await bus.close();
    },
  };
}

/** The model of the inspector's worker, which a subscription fills as in the worker. */
export async function inspectorSurface(root: string): Promise<Surface & { contests(): string[] }> {
  const bus = await connect({ root });
  const timeline = new Timeline(50_000_000);
  const subscription = bus.subscribe();
  void (async () => {
    for await (const update of subscription.updates()) {
      if (update.type === 'event') {
        const { event_type: type, kind, id, data, revision, timestamp } = update.event;
        timeline.addEvent({ type, kind, id, data, revision, atMs: Date.parse(timestamp), lagMs: undefined });
      } else if (update.type === 'resync') timeline.addMark({ type: 'resync', reason: update.reason }, bus.serverNow());
      else timeline.addMark({ type: 'synced', revision: 0 }, bus.serverNow());
    }
  })();
  return {
    name: 'inspector',
    holders: (asked) => {
      const moment: Moment = { now: unixMillis(bus.serverNow()) };
      const held = new Set(
        leasesOf(timeline.head, moment.now)
          .filter(isHeld)
          .map(({ lease }) => lease.reservation),
      );
      const swarm = swarmOf(timeline.head);
      const lines = asked.flatMap((text) =>
        swarm
          .holders(addressesOf(text), moment)
          .holders.filter(({ reservation }) => held.has(reservation))
          .map((lease) => line(text, leaseForm(lease))),
      );
      return Promise.resolve(lines);
    },
    contests: () => {
      const now = bus.serverNow();
      return contestsOf(timeline.head, leasesOf(timeline.head, now), now).map(conflictLine);
    },
    close: () => bus.close(),
  };
}

export const conflictLine = ({ conflict }: Pick<ReturnType<typeof contestsOf>[number], 'conflict'>): string => {
  const { type, severity, address, parties } = conflict;
  return `${type} ${severity} ${address} ${parties.map(({ run, branch }) => `${run ?? '?'}@${branch ?? '?'}`).join(' ')}`;
};
