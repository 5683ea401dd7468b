import { formatCount, formatLag, plural } from '../model/format.js';
import { VIEW_KEYS, VIEW_NAMES, VIEW_TITLES, type ViewName } from '../model/view-name.js';
import { isUtc, overlay, paint, view } from '../page/state.js';
import { zoneName } from '../page/times.js';
import { PlaceLink } from './link.js';
import type { ConnectionState } from '../worker/connection-state.js';
import type { Paint } from '../worker/paint.js';

export function TopBar() {
  const now = paint.value;
  return (
    <header class="top-bar">
      <div class="brand">
        <span class="brand-mark" aria-hidden="true" />
        <h1>muse-bus</h1>
      </div>
      <nav class="tabs" aria-label="Views">
        {VIEW_NAMES.map((name) => (
          <Tab key={name} name={name} badge={now ? badgeOf(name, now) : undefined} />
        ))}
      </nav>
      <div class="top-right">
        {now ? <Vitals now={now} /> : null}
        <button
          class="quiet zone"
          aria-pressed={isUtc.value}
          title="Times are shown in this zone: local time or UTC ( u )"
          onClick={() => (isUtc.value = !isUtc.value)}
        >
          {zoneName()}
        </button>
        <button
          class="quiet"
          title="Search agents, addresses, records, clients and commands ( Ctrl K )"
          aria-label="Search"
          onClick={() => (overlay.value = 'palette')}
        >
          <span class="icon-search" aria-hidden="true" />
        </button>
        <button class="quiet" title="Help ( ? )" aria-label="Help" onClick={() => (overlay.value = 'help')}>
          ?
        </button>
      </div>
    </header>
  );
}

interface Badge {
  readonly count: number;
  readonly tone: 'critical' | 'warning' | 'plain';
  readonly label: string;
}

function Tab({ name, badge }: { name: ViewName; badge: Badge | undefined }) {
  return (
    <PlaceLink
      class="tab"
      to={{ view: name }}
      aria-current={view.value === name ? 'page' : undefined}
      title={`${VIEW_TITLES[name]} ( g ${VIEW_KEYS[name]} )`}
    >
      {VIEW_TITLES[name]}
      {badge && badge.count > 0 ? (
        <span class={`badge ${badge.tone}`} aria-label={badge.label}>
          {formatCount(badge.count)}
        </span>
      ) : null}
    </PlaceLink>
  );
}

function badgeOf(name: ViewName, { summary }: Paint): Badge | undefined {
  switch (name) {
    case 'pulse': {
      const { critical, warning } = summary.attention;
      if (critical > 0) return { count: critical, tone: 'critical', label: `${formatCount(critical)} critical` };
      return { count: warning, tone: 'warning', label: plural(warning, 'warning') };
    }
    case 'agents': {
      const count = summary.agents.live + summary.agents.quiet;
      return { count, tone: 'plain', label: plural(count, 'agent') };
    }
    case 'symbols':
      return {
        count: summary.contested,
        tone: 'critical',
        label: plural(summary.contested, 'contested address', 'contested addresses'),
      };
    case 'lanes':
    case 'stream':
    case 'bus':
      return undefined;
  }
}

/** The state of the connection, the revision and the delivery lag; always visible. */
function Vitals({ now }: { now: Paint }) {
  const { connection, summary } = now;
  const { tone, text } = connectionWords(connection);
  return (
    <>
      <dl class="vitals">
        <div title="Events a second, mean of the last five seconds">
          <dt>events/s</dt>
          <dd>{summary.eventsPerSecond.toFixed(summary.eventsPerSecond < 100 ? 1 : 0)}</dd>
        </div>
        <div title="Time from an event on the server to its receipt here, mean of the last five seconds">
          <dt>lag</dt>
          <dd>{summary.lagMs === undefined ? '–' : formatLag(summary.lagMs)}</dd>
        </div>
        <div title="The number of the latest event">
          <dt>revision</dt>
          <dd>{formatCount(summary.revision)}</dd>
        </div>
      </dl>
      <p class={`connection-state ${tone}`} role="status">
        {text}
      </p>
    </>
  );
}

function connectionWords(connection: ConnectionState): { readonly tone: string; readonly text: string } {
  switch (connection.state) {
    case 'connecting':
      return { tone: 'waiting', text: 'connecting' };
    case 'loading':
      return { tone: 'waiting', text: 'loading' };
    case 'live':
      return connection.unseen ? { tone: 'bad', text: 'outdated' } : { tone: 'good', text: 'connected' };
    case 'lost':
      return { tone: 'bad', text: 'connection lost' };
    case 'refused':
      return { tone: 'bad', text: 'authentication failed' };
    case 'no-token':
      return { tone: 'bad', text: 'no token' };
    case 'file':
      return { tone: 'waiting', text: 'offline file' };
  }
}
