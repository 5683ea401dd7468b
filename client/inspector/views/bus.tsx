import { recordKey } from '../../../protocol/index.js';
import { useSignal } from '@preact/signals';
import { formatBytes, formatCount, formatSpan, plural } from '../model/format.js';
import {
  clientName,
  describeFilter,
  type Connection,
  type Overview,
  type SubscriptionState,
} from '../model/overview.js';
import { unseenOf } from '../../sdk/unseen.js';
import { visible } from '../model/visible.js';
import { paint } from '../page/state.js';
import { Explain } from '../components/explain.js';
import { useInSteps } from '../components/in-steps.js';
import { PlaceLink } from '../components/link.js';
import { Text } from '../components/primitives.js';

export function BusView() {
  const now = paint.value;
  const bus = now?.bus;
  if (!bus) return null;
  switch (bus.state) {
    case 'asking':
      return <p class="starting">Loading…</p>;
    case 'unavailable':
      return (
        <div class="empty-state" data-empty-state="unavailable">
          <h2>This server does not list its connections</h2>
          <p>{visible(bus.why, 200)}. All other views work. The server reported on connecting:</p>
          <Figures figures={bus.known} />
        </div>
      );
    case 'known':
      return <Known overview={bus.overview} />;
  }
}

/** The connections that get new elements in one task. */
const NEW_ROWS = 8;
/** The table is drawn again each second, and nobody reads more of it without wanting to. */
const SHOWN_AT_FIRST = 100;
const PARTS = ['main', 'side'] as const;

/** Those that are behind or congested come first: they are what one looks for here. */
const notableFirst = (connections: readonly Connection[]): Connection[] =>
  connections.toSorted((a, b) => Number(isNotable(b)) - Number(isNotable(a)));
const isNotable = ({ flow, subscriptions }: Connection): boolean =>
  flow === 'congested' || subscriptions.some(({ state }) => state !== 'live');

function Known({ overview }: { overview: Overview }) {
  const { connections, groups, watch, journal, limits, problems, totals, uptime_ms, epoch, revision, now, you } =
    overview;
  const { healthy, why, last_scan_ms, since, origin_heard_ms, ...watching } = watch;
  const most = useSignal(SHOWN_AT_FIRST);
  const shown = useInSteps(notableFirst(connections).slice(0, most.value), NEW_ROWS);
  // The table of the connections first, then what is beside it.
  const parts = useInSteps(PARTS, 1);
  const shownGroups = useInSteps(groups.slice(0, most.value), NEW_ROWS);
  const ago = (ms: number): string => `${formatSpan(Math.max(0, now - ms))} ago`;
  return (
    <div class="bus">
      <section class="bus-main">
        <h2>
          Connections <span class="value">{formatCount(totals.connections)}</span>{' '}
          <span class="muted">
            {plural(totals.subscriptions, 'subscription')},{' '}
            {totals.behind === 0 ? 'all live' : `${formatCount(totals.behind)} behind`}
            {totals.connections > connections.length ? `; the server lists ${formatCount(connections.length)}` : ''}
          </span>
          {connections.length > most.value || groups.length > most.value ? (
            <>
              <span class="muted">; the first {formatCount(most.value)} are shown</span>{' '}
              <button onClick={() => (most.value = Infinity)}>Show all</button>
            </>
          ) : null}
        </h2>
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Connections">
          <table>
            <thead>
              <tr>
                <th>Client</th>
                <th class="number">Since</th>
                <th>State</th>
                <th class="number">Send queue</th>
                <th>Filter</th>
                <th class="number">Delivered</th>
                <th class="number">Behind</th>
                <th class="number">Cap</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((connection) => (
                <ConnectionRows
                  key={connection.id}
                  connection={connection}
                  now={now}
                  isThisPage={connection.id === you}
                />
              ))}
            </tbody>
          </table>
        </div>
        <h2>
          Groups <span class="value">{formatCount(totals.groups)}</span>{' '}
          <span class="muted">subscriptions with the same filter share one frame</span>
        </h2>
        <div class="table-scroll short" tabIndex={0} role="region" aria-label="Groups">
          <table>
            <thead>
              <tr>
                <th class="number">Group</th>
                <th>Filter</th>
                <th class="number">Members</th>
                <th class="number">Index</th>
              </tr>
            </thead>
            <tbody>
              {shownGroups.map(({ id, filter, members, index }) => (
                <tr key={id}>
                  <td class="number">{id}</td>
                  <td>
                    <Text value={describeFilter(filter)} max={90} />
                  </td>
                  <td class="number">{formatCount(members)}</td>
                  <td class="number">{formatCount(index)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {parts.length < 2 ? null : (
        <aside class="bus-side">
          <Explain overview={overview} />
          <section>
            <h2>Bus</h2>
            <Figures
              figures={{ epoch, revision, records: formatCount(totals.records), uptime: formatSpan(uptime_ms) }}
            />
          </section>
          <section>
            <h2>
              Watcher{' '}
              <span class={`lease ${healthy ? 'active' : 'lapsed'}`}>
                {healthy ? 'healthy' : (unseenOf(watch)?.why ?? why ?? 'unhealthy')}
              </span>
            </h2>
            <Figures
              figures={{
                ...watching,
                ...(origin_heard_ms === undefined ? {} : { 'origin last heard': ago(origin_heard_ms) }),
                ...(since === undefined ? {} : { 'unhealthy since': ago(since) }),
                'last scan': ago(last_scan_ms),
              }}
            />
          </section>
          <section>
            <h2>Journal</h2>
            <Figures figures={journal} />
          </section>
          <section>
            <h2>
              Problems <span class="value">{formatCount(totals.problems)}</span>
            </h2>
            {problems.length === 0 ? <p class="muted">All files can be read.</p> : null}
            <ul class="problems">
              {problems.slice(0, 50).map(({ kind, id, problem }) => (
                <li key={recordKey(kind, id)}>
                  <PlaceLink to={{ view: 'bus', target: { type: 'record', key: recordKey(kind, id) } }}>
                    {visible(kind, 20)} <Text value={id} max={40} middle />
                  </PlaceLink>
                  <span class="note-tag">{visible(problem, 40)}</span>
                </li>
              ))}
            </ul>
          </section>
          <section>
            <details>
              <summary>Limits</summary>
              <Figures figures={limits} />
            </details>
          </section>
        </aside>
      )}
    </div>
  );
}

function ConnectionRows({ connection, now, isThisPage }: { connection: Connection; now: number; isThisPage: boolean }) {
  const { id, remote, encoding, since_ms, flow, queued_bytes, subscriptions } = connection;
  const rows: readonly (SubscriptionState | undefined)[] = subscriptions.length > 0 ? subscriptions : [undefined];
  return (
    <>
      {rows.map((subscription, i) => (
        <tr key={`${String(id)}/${String(subscription?.sub ?? 0)}`} data-row tabIndex={i === 0 ? 0 : undefined}>
          <td>
            {i === 0 ? (
              <>
                <b>{clientName(connection)}</b>
                {isThisPage ? <span class="this-page">this page</span> : null}{' '}
                <span class="muted">
                  <Text value={`${remote} ${encoding}`} max={32} />
                </span>
              </>
            ) : null}
          </td>
          <td class="number">{i === 0 ? formatSpan(Math.max(0, now - since_ms)) : null}</td>
          <td>
            {subscription ? <State state={subscription.state} /> : <span class="muted">no subscription</span>}
            {i === 0 && flow === 'congested' ? <span class="lease lapsed">congested</span> : null}
          </td>
          <td class="number">{i === 0 ? formatBytes(queued_bytes) : null}</td>
          <td>{subscription ? <Text value={describeFilter(subscription.filter)} max={60} /> : null}</td>
          <td class="number">{subscription ? formatCount(subscription.delivered) : null}</td>
          <td class="number">{subscription ? formatCount(subscription.behind) : null}</td>
          <td class="number">{subscription?.max_events == null ? '–' : formatCount(subscription.max_events)}</td>
        </tr>
      ))}
    </>
  );
}

function State({ state }: { state: SubscriptionState['state'] }) {
  const tone = state === 'live' ? 'active' : state === 'lagging' ? 'lapsed' : 'released';
  return <span class={`lease ${tone}`}>{visible(state, 20)}</span>;
}

export function Figures({ figures }: { figures: Readonly<Record<string, unknown>> }) {
  return (
    <dl class="facts">
      {Object.entries(figures).map(([name, value]) => (
        <div key={name}>
          <dt>{visible(name.replaceAll('_', ' '), 40)}</dt>
          <dd>
            <Text value={formatFigure(value)} max={48} middle />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function formatFigure(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? formatCount(value) : value.toFixed(2);
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value == null ? '–' : JSON.stringify(value);
}
