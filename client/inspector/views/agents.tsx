import { formatSince } from '../model/format.js';
import { grouping, paint, select, sort, target } from '../page/state.js';
import { PlaceLink } from '../components/link.js';
import { Fitted, LeaseTag, Nothing, Sparkline, Text } from '../components/primitives.js';
import { ShortWait } from '../components/wait-line.js';
import { VirtualList } from '../components/virtual-list.js';
import type { AgentGrouping, AgentSort } from '../worker/messages.js';
import type { AgentRow, LeaseCell } from '../worker/paint.js';

const COLUMNS: readonly { readonly title: string; readonly by?: AgentSort; readonly hint: string }[] = [
  { title: 'Run', by: 'run', hint: 'the run of the agent, and whether it is active' },
  { title: 'Branch', by: 'branch', hint: 'the branch it works on' },
  { title: 'Heartbeat', by: 'beat', hint: 'time since its last heartbeat' },
  { title: 'Leases', by: 'leases', hint: 'the leases it holds, the next to end first' },
  { title: 'Ends in', by: 'ends', hint: 'when its next lease ends' },
  { title: 'Intent', hint: 'what it waits for, or intends to do' },
  { title: '1 minute', hint: 'its events in the last minute' },
];

export function AgentsView() {
  const list = paint.value?.agents;
  if (!list) return null;
  return (
    <div class="agents">
      <div class="view-bar">
        <label>
          Sort{' '}
          <select
            value={sort.value.by}
            onChange={(event) => (sort.value = { by: event.currentTarget.value as AgentSort, descending: false })}
          >
            <option value="attention">needs attention first</option>
            {COLUMNS.filter(({ by }) => by).map(({ title, by }) => (
              <option key={by} value={by}>
                {title.toLowerCase()}
              </option>
            ))}
          </select>
        </label>
        <label>
          Group{' '}
          <select
            value={grouping.value}
            onChange={(event) => (grouping.value = event.currentTarget.value as AgentGrouping)}
          >
            <option value="none">none</option>
            <option value="branch">branch</option>
            <option value="presence">presence</option>
          </select>
        </label>
      </div>
      <VirtualList
        label="Agents"
        list={list}
        rowRem={2.15}
        columns={COLUMNS.length}
        header={() => <Header />}
        keyOf={(row) => (row.row === 'group' ? `group ${row.label}` : row.run)}
        isSelected={(row) => row.row === 'agent' && target.value?.type === 'run' && target.value.run === row.run}
        target={(row) => (row.row === 'agent' ? { type: 'run', run: row.run } : undefined)}
        render={(row) => <Row row={row} />}
      />
      {list.total === 0 ? (
        <Nothing matching="No agent matches the filter." all="No agent has worked in the last hour." />
      ) : null}
    </div>
  );
}

function Header() {
  return (
    <div class="list-head" role="rowgroup">
      <div class="list-header agent-grid" role="row">
        {COLUMNS.map(({ title, by, hint }) => (
          <div
            key={title}
            role="columnheader"
            class={by === 'beat' ? 'number' : ''}
            title={hint}
            aria-sort={
              by === undefined
                ? undefined
                : sort.value.by !== by
                  ? 'none'
                  : sort.value.descending
                    ? 'descending'
                    : 'ascending'
            }
          >
            {by === undefined ? (
              title
            ) : (
              <button
                class="column"
                onClick={() => (sort.value = { by, descending: sort.value.by === by && !sort.value.descending })}
              >
                {title}
                {sort.value.by === by ? <span aria-hidden="true">{sort.value.descending ? ' ↓' : ' ↑'}</span> : null}
              </button>
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

function Row({ row }: { row: AgentRow }) {
  if (row.row === 'group') {
    return (
      <div class="group-row" role="gridcell" aria-colspan={COLUMNS.length}>
        <Text value={row.label} /> <span class="badge plain">{row.count}</span>
      </div>
    );
  }
  const [first] = row.leases;
  return (
    <div class="agent-grid cells" role="presentation">
      <div role="gridcell" class="who">
        <span class={`presence ${row.presence}`} title={row.presence} />
        <PlaceLink to={{ view: 'agents', target: { type: 'run', run: row.run } }}>
          <Fitted value={row.run} />
        </PlaceLink>
        {row.presence === 'live' ? <span class="hidden">live</span> : <span class="presence-word">{row.presence}</span>}
      </div>
      <div role="gridcell">
        <Fitted value={row.branch} />
      </div>
      <div role="gridcell" class="number">
        {row.sinceBeatMs === undefined ? <span class="muted">never</span> : formatSince(row.sinceBeatMs)}
      </div>
      <div role="gridcell" class="lease-cells">
        {row.leases.map((lease) => (
          <LeaseChip key={lease.key} lease={lease} />
        ))}
        {row.moreLeases > 0 ? <span class="muted">+{row.moreLeases}</span> : null}
        {row.leases.length === 0 ? <span class="muted">none</span> : null}
      </div>
      <div role="gridcell">{first ? <LeaseTag state={first.state} leftMs={first.leftMs} /> : null}</div>
      <div role="gridcell">
        {row.blocks > 0 ? <span class="contest">blocks {row.blocks} </span> : null}
        {row.wait ? <ShortWait line={row.wait} /> : row.intent ? <Text value={row.intent} max={60} /> : null}
      </div>
      <div role="gridcell">
        <Sparkline values={row.activity} />
      </div>
    </div>
  );
}

/** A lease as a chip. Its fill shows how much of the lease is left. */
export function LeaseChip({ lease: { key, state, address, more, share, isContested } }: { lease: LeaseCell }) {
  return (
    <button
      class={`chip ${state}${isContested ? ' contested' : ''}`}
      title={isContested ? 'also held by another run' : undefined}
      onClick={(event) => {
        event.stopPropagation();
        select({ type: 'record', key });
      }}
    >
      <i class="chip-fill" style={{ width: `${String(Math.round(share * 100))}%` }} aria-hidden="true" />
      <span>
        {isContested ? '⚔ ' : state === 'lapsed' ? '! ' : ''}
        <Text value={address || 'no address'} max={34} middle />
        {more > 0 ? ` +${String(more)}` : ''}
      </span>
    </button>
  );
}
