import { formatCount } from '../model/format.js';
import { exportFile, goLive, importFile, togglePause } from '../page/actions.js';
import { follow, paint, view } from '../page/state.js';
import { FilterBox } from './filter-box.js';

export function ToolBar() {
  const position = paint.value?.position;
  const isHeld = position?.at === 'held';
  return (
    <section class="tool-bar" aria-label="Filter and capture">
      <FilterBox />
      <div class="tools">
        <button
          class={isHeld ? 'pressed' : ''}
          aria-pressed={isHeld}
          title="Pause or resume ( Space )"
          onClick={togglePause}
        >
          <span class={isHeld ? 'icon-play' : 'icon-pause'} aria-hidden="true" />
          {isHeld ? 'Resume' : 'Pause'}
        </button>
        {isHeld ? <span class="missed">{formatCount(position.missed)} new</span> : null}
        {view.value === 'stream' ? (
          <button
            class={follow.value && !isHeld ? 'pressed' : ''}
            aria-pressed={follow.value && !isHeld}
            title="Keep the newest event visible ( f )"
            onClick={() => {
              if (follow.value && !isHeld) follow.value = false;
              else goLive();
            }}
          >
            Follow
          </button>
        ) : null}
        <button title="Export the capture as NDJSON ( e )" onClick={() => void exportFile()}>
          Export
        </button>
        <button title="Replay a file of events. You can also drop it on the page." onClick={importFile}>
          Import
        </button>
      </div>
    </section>
  );
}
