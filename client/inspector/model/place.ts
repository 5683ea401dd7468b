import { parseTimestamp } from '../../../protocol/index.js';
import { formatTarget, parseTarget, type Target } from './target.js';
import { VIEW_NAMES, type ViewName } from './view-name.js';

/** How far back the page shows what happened. */
export const SPANS = ['5m', '15m', '1h', 'all'] as const;
export type Since = (typeof SPANS)[number];

export const SPAN_MS: Readonly<Record<Since, number>> = {
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  all: Infinity,
};
export const DEFAULT_SPAN: Since = '15m';

/** Everything that a link to the page says: two people who open it see the same. */
export interface Place {
  readonly view: ViewName;
  readonly query: string;
  readonly target: Target | undefined;
  /** The moment that is shown; `undefined`: the present. */
  readonly atMs: number | undefined;
  readonly since: Since;
}

/** Returns the fragment of a link, `#/agents?q=run%3Aa&sel=run%3Aa`. */
export function formatPlace({ view, query, target, atMs, since }: Place): string {
  const parameters = new URLSearchParams();
  if (query !== '') parameters.set('q', query);
  if (target) parameters.set('sel', formatTarget(target));
  if (atMs !== undefined) parameters.set('at', new Date(atMs).toISOString());
  if (since !== DEFAULT_SPAN) parameters.set('since', since);
  const text = parameters.toString();
  return `#/${view}${text === '' ? '' : `?${text}`}`;
}

/** Reads the fragment of a link. @returns `undefined` if it names no view. What it does not say, or says wrongly, has its default. */
export function parsePlace(hash: string): Place | undefined {
  const match = /^#\/([a-z]+)(?:\?(.*))?$/s.exec(hash);
  const view = VIEW_NAMES.find((known) => known === match?.[1]);
  if (!view) return undefined;
  const parameters = new URLSearchParams(match?.[2] ?? '');
  return {
    view,
    query: parameters.get('q') ?? '',
    target: parseTarget(parameters.get('sel') ?? ''),
    atMs: parseTimestamp(parameters.get('at')),
    since: SPANS.find((known) => known === parameters.get('since')) ?? DEFAULT_SPAN,
  };
}
