import { textOf } from '../model/entry.js';
import { quoteWhereNeeded } from '../model/completion.js';
import { visible } from '../model/visible.js';
import { copy, copyCommand } from '../page/actions.js';
import { query, showView, toggleFilter } from '../page/state.js';
import { commandLine, holdersCommand, watchRecord, watchRun } from '../model/copied-command.js';
import type { Detail } from '../worker/paint.js';

/** The actions on the selection. */
export function DetailActions({ detail }: { detail: Detail }) {
  const filter = filterFor(detail);
  const command = commandFor(detail);
  if (filter === undefined) return null;
  return (
    <div class="detail-actions">
      <button
        title={visible(filter, 600)}
        onClick={() => {
          query.value = filter;
          showView('stream');
        }}
      >
        Use as filter
      </button>
      {command === undefined ? null : (
        <button title={visible(command, 600)} onClick={() => void copyCommand(command)}>
          Copy as command
        </button>
      )}
      {detail.about === 'record' ? (
        <button onClick={() => void copy(JSON.stringify(detail.data, null, 2), 'JSON')}>Copy JSON</button>
      ) : null}
      {detail.about === 'record' ? <FieldFilters detail={detail} /> : null}
    </div>
  );
}

/** Words that narrow the filter by one field of the record. */
function FieldFilters({ detail: { data } }: { detail: Extract<Detail, { about: 'record' }> }) {
  const run = textOf(data, 'run_id');
  const branch = textOf(data, 'branch');
  const words = [run && `run:${quoteWhereNeeded(run)}`, branch && `branch:${quoteWhereNeeded(branch)}`];
  return (
    <>
      {words
        .filter((word) => word !== undefined && word !== '' && word.length < 60)
        .map((word) => (
          <button
            key={word}
            class="word"
            title="Add to the filter, or remove from it"
            onClick={() => {
              toggleFilter(word!);
            }}
          >
            {visible(word!)}
          </button>
        ))}
    </>
  );
}

function filterFor(detail: Detail): string | undefined {
  switch (detail.about) {
    case 'record':
      return `kind:${detail.kind} id:${quoteWhereNeeded(detail.id)}`;
    case 'run':
      return `run:${quoteWhereNeeded(detail.run)}`;
    case 'address':
      return `addr:${quoteWhereNeeded(detail.address)}${detail.address.includes('::') ? '' : '*'}`;
    case 'nothing':
      return undefined;
  }
}

/** A command that shows the same events in a terminal. */
function commandFor(detail: Detail): string | undefined {
  switch (detail.about) {
    case 'record':
      return commandLine(watchRecord(detail.kind, detail.id));
    case 'run':
      return commandLine(watchRun(detail.run));
    case 'address':
      return commandLine(holdersCommand(detail.address));
    case 'nothing':
      return undefined;
  }
}
