import { formatCount, formatLag, plural } from '../model/format.js';
import { VIEW_KEYS, VIEW_NAMES, VIEW_TITLES, type ViewName } from '../model/view-name.js';
import { overlay, paint, showView, view } from '../page/state.js';
import type { LinkState } from '../worker/link-state.js';
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
    <button
      class="tab"
      aria-current={view.value === name ? 'page' : undefined}
      title={`${VIEW_TITLES[name]} ( g ${VIEW_KEYS[name]} )`}
      onClick={() => {
        showView(name);
      }}
    >
      {VIEW_TITLES[name]}
      {badge && badge.count > 0 ? (
        <span class={`badge ${badge.tone}`} aria-label={badge.label}>
          {formatCount(badge.count)}
        </span>
      ) : null}
    </button>
  );
}

function badgeOf(name: ViewName, { head }: Paint): Badge | undefined {
  switch (name) {
    case 'pulse': {
      const { critical, warning } = head.attention;
      if (critical > 0) return { count: critical, tone: 'critical', label: plural(critical, 'critical matter') };
      return { count: warning, tone: 'warning', label: plural(warning, 'warning') };
    }
    case 'agents': {
      const count = head.agents.live + head.agents.quiet;
      return { count, tone: 'plain', label: plural(count, 'agent') };
    }
    case 'symbols':
      return {
        count: head.contested,
        tone: 'critical',
        label: plural(head.contested, 'contested address', 'contested addresses'),
      };
    case 'lanes':
    case 'stream':
    case 'bus':
      return undefined;
  }
}

/** How the connection is, how far the stream has come and how late it arrives: always in sight. */
function Vitals({ now }: { now: Paint }) {
  const { link, head } = now;
  const { tone, text } = linkWords(link);
  return (
    <>
      <dl class="vitals">
        <div title="Events a second, over the last five">
          <dt>events/s</dt>
          <dd>{head.eventsPerSecond.toFixed(head.eventsPerSecond < 100 ? 1 : 0)}</dd>
        </div>
        <div title="From the event on the server to its receipt here, mean of the last seconds">
          <dt>lag</dt>
          <dd>{head.lagMs === undefined ? '–' : formatLag(head.lagMs)}</dd>
        </div>
        <div title="The store-wide counter of transitions">
          <dt>revision</dt>
          <dd>{formatCount(head.revision)}</dd>
        </div>
      </dl>
      <p class={`link-state ${tone}`} role="status">
        {text}
      </p>
    </>
  );
}

function linkWords(link: LinkState): { readonly tone: string; readonly text: string } {
  switch (link.state) {
    case 'connecting':
      return { tone: 'waiting', text: 'connecting' };
    case 'loading':
      return { tone: 'waiting', text: 'loading' };
    case 'live':
      return { tone: 'good', text: 'connected' };
    case 'lost':
      return { tone: 'bad', text: 'connection lost' };
    case 'refused':
      return { tone: 'bad', text: 'token refused' };
    case 'no-token':
      return { tone: 'bad', text: 'no token' };
    case 'file':
      return { tone: 'waiting', text: 'file' };
  }
}
