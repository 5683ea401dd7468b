import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import t from 'tap';
import { McpBus } from '../../client/cli/mcp/bus.js';
import { mcpServer } from '../../client/cli/mcp/server.js';
import { connect } from '../../client/sdk/index.js';
import type { BusEvent, EventLease } from '../../protocol/index.js';
import { Command } from '../support/command.js';
import { HttpClient } from '../support/http-client.js';
import { ServedRepository } from '../support/served-repository.js';
import { until } from '../support/until.js';

const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

for (const transport of ['uws', 'ws'] as const) {
  t.test(`${transport}: every surface shows the state of live, released and lapsed reservations`, async (t) => {
    const repository = new ServedRepository({ transport });
    const ends = inFuture(3_600_000);
    const prolonged = inFuture(7_200_000);
    const past = inFuture(-60_000);
    for (const [id, expires_at] of Object.entries({
      live: ends,
      prolonged: ends,
      released: ends,
      lapsed: past,
      none: 'soon',
    }))
      repository.rename('reservation', id, { reservation_id: id, run_id: 'a', addresses: ['a.py'], expires_at });
    repository.rename('heartbeat', 'h', { reservation_id: 'prolonged', extended_expires_at: prolonged });
    repository.rename('release', 'x', { reservation_id: 'released' });
    const endpoint = await repository.start();
    const bus = await connect({ root: repository.root });
    t.teardown(async () => {
      await bus.close();
      await repository.stop();
    });
    const lease = (
      reservation: string,
      state: string,
      expires_at: string,
      end: string | null,
      by: string | null = null,
    ) => ({
      reservation,
      state,
      expires_at,
      effective_expires_at: end,
      extended_by: by,
    });
    const expected = [
      lease('lapsed', 'lapsed', past, past),
      lease('live', 'live', ends, ends),
      lease('none', 'none', 'soon', null),
      lease('prolonged', 'live', ends, prolonged, 'h'),
      lease('released', 'released', ends, ends),
    ];
    const leasesOf = (events: readonly BusEvent[]): (EventLease | undefined)[] => events.map((event) => event.lease);

    const records = await new HttpClient(endpoint).get('/records?kind=reservation');
    t.strictSame(leasesOf((await records.json()) as BusEvent[]), expected, 'GET /records');

    const stream = await new HttpClient(endpoint).get('/events?kind=reservation&max_events=5');
    const lines = (await stream.text())
      .split('\n')
      .filter((line) => line.startsWith('data: ') && line.includes('"event_type"'));
    t.strictSame(
      leasesOf(lines.map((text) => JSON.parse(text.slice('data: '.length)) as BusEvent)),
      expected,
      'GET /events',
    );

    const events: BusEvent[] = [];
    for await (const event of bus.subscribe({ kinds: ['reservation'] }, { maxEvents: 5 })) events.push(event);
    t.strictSame(leasesOf(events), expected, 'SDK');

    const mirror = await bus.mirror();
    for (const one of expected) t.match(mirror.lease(one.reservation), one, `mirror: ${one.reservation}`);

    const printed = Command.museBus(['get', 'reservation', '--json', '--root', repository.root]);
    t.equal(await printed.exit, 0);
    t.strictSame(leasesOf(printed.json<BusEvent>()), expected, 'muse-bus get');

    const mcp = new McpBus(() => ({ root: repository.root, server: undefined }), { err: () => undefined });
    const client = new Client({ name: 'test', version: '1' });
    const [here, there] = InMemoryTransport.createLinkedPair();
    await Promise.all([mcpServer(mcp).connect(there), client.connect(here)]);
    const answer = await client.callTool({ name: 'snapshot', arguments: { kinds: ['reservation'] } });
    const [first] = answer.content as readonly { readonly text: string }[];
    const shown = JSON.parse(first!.text) as { readonly records: readonly Pick<BusEvent, 'lease'>[] };
    t.strictSame(
      shown.records.map(({ lease: of }) => of),
      expected.map(({ state, effective_expires_at: end, extended_by: by }) => ({
        state,
        ...(end === null ? {} : { effective_expires_at: end }),
        ...(by === null ? {} : { extended_by: by }),
      })),
      'MCP snapshot, without what the record says and what is null',
    );
    await client.close();
    await mcp.close();

    // A heartbeat revives a lapsed lease: the event carries the new state of the lease.
    const revived: BusEvent[] = [];
    const following = (async () => {
      const about = bus.subscribe({ kinds: ['reservation'] }, { snapshot: 'none', maxEvents: 1 });
      for await (const event of about) revived.push(event);
    })();
    await bus.sync();
    repository.rename('heartbeat', 'h2', { reservation_id: 'lapsed', extended_expires_at: prolonged });
    await until('the event revived arrives', () => revived.length === 1);
    await following;
    t.match(revived[0], { event_type: 'revived', id: 'lapsed', lease: lease('lapsed', 'live', past, prolonged, 'h2') });
  });
}
