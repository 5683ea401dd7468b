import type { ComponentChildren } from 'preact';
import { hrefOf } from '../page/state.js';
import type { Link } from '../model/target.js';

/** A link to another place of the page. It is a real one: it can be opened in a new tab or copied, and Back leads back. */
export function PlaceLink({
  to,
  children,
  ...attributes
}: {
  to: Link;
  children: ComponentChildren;
  class?: string;
  title?: string;
  'aria-label'?: string;
  'aria-current'?: 'page' | 'true' | undefined;
  'data-row'?: boolean;
}) {
  return (
    <a
      {...attributes}
      href={hrefOf(to)}
      onClick={(event) => {
        // Inside a row, which selects something else.
        event.stopPropagation();
      }}
    >
      {children}
    </a>
  );
}
