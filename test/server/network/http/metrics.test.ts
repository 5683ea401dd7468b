import t from 'tap';
import { connect } from '../../../../client/sdk/index.js';
import { PlainHistogram } from '../../../../server/metrics/plain-histogram.js';
import { HttpClient } from '../../../support/http-client.js';
import { ServedRepository } from '../../../support/served-repository.js';

/** A line of Prometheus' text format: name, labels, value. */
const SAMPLE = /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (-?[0-9.e+-]+|[+-]Inf|NaN)$/i;

/** Reads the text format strictly: every sample must follow a HELP and a TYPE of its metric, and no sample may occur twice. */
function readMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  let metric = '';
  let helped = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP (\S+) \S/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    const sample = SAMPLE.exec(line);
    if (help) helped = help[1]!;
    else if (type) {
      if (type[1] !== helped) throw new Error(`no help before ${line}`);
      metric = type[1]!;
    } else if (sample?.[1]?.startsWith(metric)) {
      const key = sample[2] === undefined ? sample[1] : `${sample[1]}{${sample[2]}}`;
      if (samples.has(key)) throw new Error(`twice: ${key}`);
      samples.set(key, Number(sample[3]!.replace('Inf', 'Infinity')));
    } else throw new Error(`not in Prometheus' format: ${line}`);
  }
  return samples;
}

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}: the counts of events, in the format of Prometheus`, async (t) => {
    const repository = new ServedRepository({ transport, journal: false });
    t.teardown(() => repository.stop());
    const http = new HttpClient(await repository.start());
    await using bus = await connect({ root: repository.root });
    bus.subscribe({});
    repository.rename('task', 't1', {});
    await bus.sync();
    repository.rename('task', 't1', { n: 1 });
    await bus.sync();
    repository.remove('task', 't1');
    repository.inPlace('claim', 'c1', { n: 1 });
    repository.rename('reservation', 'r1', { expires_at: 'soon' });
    await bus.sync();
    await (await http.stream('/events?since=Elsewhere:1')).untilText('synced');

    const response = await http.get('/metrics');
    t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const metrics = readMetrics(await response.text());
    const expected: Record<string, number> = {
      'muse_bus_events_total{kind="task",type="added"}': 1,
      'muse_bus_events_total{kind="task",type="modified"}': 1,
      'muse_bus_events_total{kind="task",type="removed"}': 1,
      'muse_bus_events_total{kind="claim",type="added"}': 1,
      muse_bus_revision: 5,
      muse_bus_history_events: 5,
      'muse_bus_journal_state{state="off"}': 1,
      'muse_bus_delivered_events_total{path="live"}': 5,
      'muse_bus_resyncs_total{reason="epoch"}': 1,
      'muse_bus_connections{flow="open"}': 2,
      'muse_bus_subscriptions{state="live"}': 2,
      muse_bus_groups: 2,
      'muse_bus_records{kind="claim"}': 1,
      'muse_bus_records{kind="task"}': 0,
      'muse_bus_problems{problem="bad-timestamp"}': 1,
      'muse_bus_watch_healthy{backend="inotify"}': 1,
      'muse_bus_watch_state{state="watching"}': 1,
      muse_bus_file_age_seconds_count: 4,
    };
    for (const [name, value] of Object.entries(expected)) t.equal(metrics.get(name), value, name);
    t.ok(metrics.get('muse_bus_delivery_seconds_count')! > 0);
    t.ok(metrics.get('muse_bus_ingest_seconds_count')! > 0);
    t.ok(metrics.get('process_resident_memory_bytes')! > 10_000_000);
    for (const name of ['muse_bus_loop_delay_seconds{quantile="p99"}', 'muse_bus_loop_utilization']) {
      t.ok(metrics.has(name), name);
    }
    http.close();
  });
}

t.test('a histogram counts a value that equals a bound in the bucket of that bound', async (t) => {
  const histogram = new PlainHistogram([1, 2]);
  histogram.observe(1);
  histogram.observe(1.5, 3);
  histogram.observe(9);
  t.same([...histogram.counts], [1, 3, 1]);
  t.equal(histogram.count, 5);
  t.equal(histogram.sum, 14.5);
});

t.test('two servers of one process count separately', async (t) => {
  const first = new ServedRepository();
  const second = new ServedRepository();
  t.teardown(() => first.stop());
  t.teardown(() => second.stop());
  first.rename('task', 't1', {});
  const clients = [new HttpClient(await first.start()), new HttpClient(await second.start())];
  const records = clients.map(async (client) =>
    readMetrics(await (await client.get('/metrics')).text()).get('muse_bus_records{kind="task"}'),
  );
  t.same(await Promise.all(records), [1, 0]);
});
