import { VIEW_TITLES } from '../model/view-name.js';
import { quoteWhereNeeded } from '../model/completion.js';
import type { Severity as SeverityName } from '../model/severity.js';
import type { Link } from '../model/target.js';
import { visible } from '../model/visible.js';
import { copyCommand } from '../page/actions.js';
import { PlaceLink } from './link.js';

export const Severity = ({ severity }: { severity: SeverityName }) => <span class="severity">{severity}</span>;

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
        <button class="action" title={visible(command, 300)} onClick={() => void copyCommand(command)}>
          Copy command
        </button>
      )}
    </span>
  );
}
