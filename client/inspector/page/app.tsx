import type { JSX } from 'preact';
import { VIEW_TITLES, type ViewName } from '../model/view-name.js';
import { DetailPane } from '../components/detail-pane.js';
import { connectionEmptyState, EmptyState, noRecordsEmptyState } from '../components/empty-state.js';
import { Help } from '../components/help.js';
import { Notices } from '../components/notices.js';
import { Palette } from '../components/palette.js';
import { ScrubBar } from '../components/scrub-bar.js';
import { ToolBar } from '../components/tool-bar.js';
import { TopBar } from '../components/top-bar.js';
import { AgentsView } from '../views/agents.js';
import { BusView } from '../views/bus.js';
import { LanesView } from '../views/lanes.js';
import { PulseView } from '../views/pulse.js';
import { StreamView } from '../views/stream.js';
import { SymbolsView } from '../views/symbols.js';
import { isUncertain } from '../worker/connection-state.js';
import { overlay, paint, target, toast, view } from './state.js';

const VIEWS: Readonly<Record<ViewName, () => JSX.Element | null>> = {
  pulse: PulseView,
  agents: AgentsView,
  symbols: SymbolsView,
  lanes: LanesView,
  stream: StreamView,
  bus: BusView,
};

export function App() {
  const now = paint.value;
  const emptyState = now
    ? (connectionEmptyState(now) ?? (view.value === 'bus' ? undefined : noRecordsEmptyState(now)))
    : undefined;
  const View = VIEWS[view.value];
  // What is not known any more must not look as if it were.
  const isStale = now && isUncertain(now.connection) && !emptyState;
  return (
    <div class={`app${isStale ? ' stale' : ''}${target.value && !emptyState ? ' has-detail' : ''}`}>
      <TopBar />
      <ToolBar />
      <Notices />
      <main class="middle" id="main" tabIndex={-1} aria-label={VIEW_TITLES[view.value]}>
        <div class="main">
          {emptyState ? (
            <EmptyState {...emptyState} />
          ) : now ? (
            <View key={view.value} />
          ) : (
            <p class="starting">Starting…</p>
          )}
        </div>
        {target.value && !emptyState ? <DetailPane /> : null}
      </main>
      <ScrubBar />
      {overlay.value === 'help' ? <Help /> : null}
      {overlay.value === 'palette' ? <Palette /> : null}
      <div class="toast" role="status" hidden={toast.value === ''}>
        {toast.value}
      </div>
    </div>
  );
}
