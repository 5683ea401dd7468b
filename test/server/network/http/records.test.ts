import t from 'tap';
import { connect, type BusEvent } from '../../../../client/sdk/index.js';
import { HttpClient } from '../../../support/http-client.js';
import { SlowReader } from '../../../support/slow-reader.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { until } from '../../../support/until.js';

/** More than the kernel's buffers on both sides can hold. */
const MANY = 1_500;
const PADDING = 'x'.repeat(8_000);

const withoutTime = (event: BusEvent) => ({ ...event, timestamp: '', cursor: '' });

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}: the records as a JSON array, the same as a snapshot shows`, async (t) => {
    const repository = new ServedRepository({ transport });
    t.teardown(() => repository.stop());
    repository.rename('task', 't1', { run_id: 'a', n: 1 });
    const expires_at = '2999-01-01T00:00:00Z';
    repository.rename('reservation', 'r1', { branch: 'b', addresses: ['src/a.py::f'], expires_at });
    repository.raw('claim', 'c1', '{ torn');
    const client = new HttpClient(await repository.start());

    t.test('in canonical order, and only the last record has the cursor of the list', async (t) => {
      const response = await client.get('/records');
      t.equal(response.headers.get('content-type'), 'application/json');
      const cursor = response.headers.get('muse-bus-cursor')!;
      const records = (await response.json()) as BusEvent[];
      t.same(
        records.map(({ kind, id }) => `${kind}/${id}`),
        ['reservation/r1', 'task/t1', 'claim/c1'],
      );
      t.match(records[2], { problem: 'invalid-json', data: {}, event_type: 'snapshot' });
      t.equal(records.at(-1)?.cursor, cursor);
      t.match(records[0]?.cursor, /:0$/);

      await using bus = await connect({ root: repository.root });
      const seen: BusEvent[] = [];
      for await (const event of bus.subscribe({}, { maxEvents: 3 })) seen.push(event);
      t.same(records.map(withoutTime), seen.map(withoutTime));
    });

    t.test('by the filters of watch, whose errors are named', async (t) => {
      const ids = async (query: string) =>
        ((await (await client.get(`/records?${query}`)).json()) as BusEvent[]).map(({ id }) => id);
      t.same(await ids('kind=task&kind=reservations'), ['r1', 't1']);
      t.same(await ids('address=src/**'), ['r1']);
      t.same(await ids('run_id=nobody'), []);
      t.same(await ids('problem=1'), ['c1']);
      t.same(await ids('max_events=2'), ['r1', 't1']);
    });
  });

  t.test(
    `over ${transport}: a reader that stops delays nobody, and receives everything when it continues`,
    async (t) => {
      const repository = new ServedRepository({ transport, limits: { maxQueuedBytes: 65_536 } });
      t.teardown(() => repository.stop());
      for (let i = 0; i < MANY; i++) repository.inPlace('task', `t${String(i)}`, { i, padding: PADDING });
      const endpoint = await repository.start();
      const client = new HttpClient(endpoint);
      const slow = await SlowReader.begin(`${client.base}/records`, endpoint.token);
      t.equal((await client.get('/healthz')).status, 200);
      const other = (await (await client.get('/records')).json()) as unknown[];
      t.equal(other.length, MANY, 'another reader has all of it meanwhile');
      slow.goOn();
      await until('the slow reader has everything', () => slow.ended);
      t.equal((JSON.parse(slow.text) as unknown[]).length, MANY);

      const gone = await SlowReader.begin(`${client.base}/records`, endpoint.token);
      gone.leave();
      t.equal((await client.get('/healthz')).status, 200, 'a reader that leaves is forgotten');
    },
  );
}
