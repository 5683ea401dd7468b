import type { ViewName } from './view-name.js';

/** The selection that the detail pane shows. {@link formatTarget} writes it into the address bar. */
export type Target =
  /** A record; with a revision, one event of that record. */
  | { readonly type: 'record'; readonly key: string; readonly revision?: number }
  | { readonly type: 'run'; readonly run: string }
  | { readonly type: 'address'; readonly address: string };

/** A link inside the inspector: a view, and what to select there. */
export interface Link {
  readonly view: ViewName;
  readonly target?: Target;
  readonly query?: string;
}

export function formatTarget(target: Target): string {
  switch (target.type) {
    case 'record':
      return `record:${target.key}${target.revision === undefined ? '' : `@${String(target.revision)}`}`;
    case 'run':
      return `run:${target.run}`;
    case 'address':
      return `address:${target.address}`;
  }
}

export function parseTarget(text: string): Target | undefined {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  if (colon < 0 || rest === '') return undefined;
  switch (text.slice(0, colon)) {
    case 'run':
      return { type: 'run', run: rest };
    case 'address':
      return { type: 'address', address: rest };
    case 'record': {
      const match = /^(.*)@(\d{1,16})$/s.exec(rest);
      return match ? { type: 'record', key: match[1]!, revision: Number(match[2]) } : { type: 'record', key: rest };
    }
    default:
      return undefined;
  }
}

export function sameTarget(a: Target | undefined, b: Target | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && formatTarget(a) === formatTarget(b));
}
