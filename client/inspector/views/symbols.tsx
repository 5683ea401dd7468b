import { visible } from '../model/visible.js';
import { closed, paint, target } from '../page/state.js';
import { PlaceLink } from '../components/link.js';
import { Fitted, Nothing, Text } from '../components/primitives.js';
import { VirtualList } from '../components/virtual-list.js';
import type { SymbolRow } from '../model/symbol-tree.js';

const MAX_HOLDERS = 5;

export function SymbolsView() {
  const list = paint.value?.symbols;
  if (!list) return null;
  const isSelected = ({ path }: SymbolRow) => target.value?.type === 'address' && target.value.address === path;
  return (
    <div class="symbols">
      <VirtualList
        label="Symbols"
        list={list}
        rowRem={1.85}
        columns={4}
        header={() => <Header />}
        keyOf={({ path }) => path}
        isSelected={isSelected}
        target={({ path }) => ({ type: 'address', address: path })}
        tree={({ depth, hasChildren, isOpen }) => ({ level: depth + 1, isOpen: hasChildren ? isOpen : undefined })}
        onToggle={({ path, hasChildren }) => {
          if (hasChildren) toggle(path);
        }}
        render={(row) => <Row row={row} />}
      />
      {list.total === 0 ? (
        <Nothing
          matching="No held address matches the filter."
          all="No address is held, and none was in the last hour."
        />
      ) : null}
    </div>
  );
}

function Header() {
  return (
    <div class="list-head" role="rowgroup">
      <div class="list-header symbol-grid" role="row">
        <div role="columnheader">Path, file, symbol</div>
        <div role="columnheader" title="number of runs that hold something here, on all branches">
          Heat
        </div>
        <div role="columnheader">Contention</div>
        <div role="columnheader">Holders</div>
      </div>
    </div>
  );
}

function toggle(path: string): void {
  const paths = closed.value;
  closed.value = paths.includes(path) ? paths.filter((one) => one !== path) : [...paths, path];
}

function Row({ row }: { row: SymbolRow }) {
  const { path, label, level, depth, holders, contested, waiting, past, isOpen, hasChildren } = row;
  const heat = Math.min(5, holders.length);
  return (
    <div class="symbol-grid cells" role="presentation">
      <div role="gridcell" class={`path ${level}`} style={{ paddingLeft: `${String(0.5 + depth * 1.15)}rem` }}>
        {hasChildren ? (
          <button
            class="twist"
            tabIndex={-1}
            aria-expanded={isOpen}
            aria-label={`${isOpen ? 'Close' : 'Open'} ${visible(path, 80)}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle(path);
            }}
          >
            {isOpen ? '▾' : '▸'}
          </button>
        ) : (
          <span class="twist" />
        )}
        <PlaceLink to={{ view: 'symbols', target: { type: 'address', address: path } }}>
          <Fitted value={level === 'directory' ? `${label}/` : label} max={120} />
        </PlaceLink>
      </div>
      <div role="gridcell" class="heat" title={`${String(holders.length)} holders`}>
        <span class="heat-cells" aria-hidden="true">
          {[1, 2, 3, 4, 5].map((n) => (
            <i key={n} class={n <= heat ? (contested > 0 ? 'hot' : 'warm') : ''} />
          ))}
        </span>
        <span class="number">{holders.length}</span>
      </div>
      <div role="gridcell">
        {contested > 0 ? (
          <span class="contest">⚔ {level === 'symbol' ? 'contested' : `${String(contested)} contested`} </span>
        ) : null}
        {waiting > 0 ? <span class="waiting">{waiting} waiting</span> : null}
      </div>
      <div role="gridcell" class="holders">
        {holders.slice(0, MAX_HOLDERS).map((run) => (
          <span key={run} class="holder">
            {run === '' ? <span class="muted">no run</span> : <Text value={run} max={18} middle />}
          </span>
        ))}
        {holders.length > MAX_HOLDERS ? <span class="muted">+{holders.length - MAX_HOLDERS}</span> : null}
        {holders.length === 0 && past > 0 ? <span class="muted">held earlier</span> : null}
      </div>
    </div>
  );
}
