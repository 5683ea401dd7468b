import { VIEW_TITLES } from '../model/view-name.js';
import { quoteWhereNeeded } from '../model/completion.js';
import type { Severity as SeverityName } from '../model/severity.js';
import type { Link } from '../model/target.js';
import { visible } from '../model/visible.js';
import { copy } from '../page/actions.js';
import { PlaceLink } from './link.js';
import { shellWord } from './shell-word.js';

export const Severity = ({ severity }: { severity: SeverityName }) => <span class="severity">{severity}</span>;

/** A command of muse-bus that can be pasted into a shell. Options of ours keep their dashes. */
export const commandLine = (words: readonly string[]): string =>
  ['npx muse-bus', ...words.map((word) => (/^--[a-z-]+$/.test(word) ? word : shellWord(word)))].join(' ');

/** What can be done about a matter: open it, see its runs side by side, copy a command that shows it. */
export function MatterActions({
  open,
  runs,
  command,
}: {
  open: Link;
  runs: readonly string[];
  command: string | undefined;
}) {
  const timelines = `run:${runs.map(quoteWhereNeeded).join(',')}`;
  return (
    <span class="matter-actions">
      <PlaceLink class="action" to={open} title={`Go to ${VIEW_TITLES[open.view]}`} data-row>
        Explain
      </PlaceLink>
      {runs.length === 0 ? null : (
        <PlaceLink class="action" to={{ view: 'lanes', query: timelines }} title={visible(timelines, 200)}>
          {runs.length > 1 ? 'Timelines' : 'Timeline'}
        </PlaceLink>
      )}
      {command === undefined ? null : (
        <button class="action" title={visible(command, 300)} onClick={() => void copy(command, 'Command')}>
          Copy command
        </button>
      )}
    </span>
  );
}
