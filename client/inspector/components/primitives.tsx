import type { EventType, Kind } from '../../../protocol/index.js';
import { formatSince, formatSpan } from '../model/format.js';
import { visible, visibleMiddle } from '../model/visible.js';
import type { LeaseState } from '../model/lease.js';
import { query } from '../page/state.js';

/** A text from a record, escaped and cut. Its tooltip has a longer part. Its writing direction does not affect the text after it. */
export function Text({ value, max = 80, middle }: { value: string; max?: number; middle?: boolean }) {
  const shown = middle ? visibleMiddle(value, max) : visible(value, max);
  return <bdi title={shown === value ? undefined : visible(value, 600)}>{shown}</bdi>;
}

/** The end of a name, which tells it from others of its kind: `feature/…te-14`. Letters that may join are left together. */
const TELLING_END = /[!-~]{5}$/;
/** The beginning of a shorter name tells more than its end. */
const SHORT = 20;

/** A name from a record in a place of any width. If it does not fit, its middle is left out. */
export function Fitted({ value, max = 80 }: { value: string; max?: number }) {
  const shown = visibleMiddle(value, max);
  const end = shown.length > SHORT ? TELLING_END.exec(shown) : null;
  if (!end) return <Text value={value} max={max} middle />;
  return (
    <bdi title={visible(value, 600)}>
      <span class="fitted">{shown.slice(0, end.index)}</span>
      {end[0]}
    </bdi>
  );
}

/** In the place of the rows of an empty list. */
export const Nothing = ({ matching, all }: { matching: string; all: string }) => (
  <p class="nothing">{query.value === '' ? all : matching}</p>
);

export const KindTag = ({ kind }: { kind: Kind }) => <span class={`kind kind-${kind}`}>{kind}</span>;

const TYPE_SIGNS: Readonly<Record<EventType, string>> = {
  snapshot: '·',
  added: '+',
  modified: '~',
  removed: '−',
  expired: '!',
  revived: '*',
};

export const TypeTag = ({ type }: { type: EventType }) => (
  <span class={`type type-${type}`}>
    <b aria-hidden="true">{TYPE_SIGNS[type]}</b> {type}
  </span>
);

/** The state of a lease as a sign, a word and a colour. */
export function LeaseTag({ state, leftMs }: { state: LeaseState; leftMs: number | undefined }) {
  switch (state) {
    case 'live':
    case 'suspect':
      return (
        <span class={`lease ${state === 'suspect' || (leftMs !== undefined && leftMs < 5_000) ? 'urgent' : 'active'}`}>
          {leftMs !== undefined && leftMs < 1_000 ? '< 1 s' : formatSpan(leftMs ?? 0)} left
          {state === 'suspect' ? ', overdue' : ''}
        </span>
      );
    case 'unknown':
      return <span class="lease urgent">end unknown</span>;
    case 'lapsed':
      return <span class="lease lapsed">lapsed {formatSince(-(leftMs ?? 0))}</span>;
    case 'released':
      return <span class="lease released">released</span>;
    case 'none':
      return <span class="lease released">no lease</span>;
  }
}

/** The activity of the last minute, as bars. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(3, ...values);
  const width = 2.4;
  const path = values
    .map((value, i) =>
      value === 0 ? '' : `M${(i * width + 1).toFixed(1)} 16V${(16 - Math.max(1.5, (value / most) * 14)).toFixed(1)}`,
    )
    .join('');
  const total = values.reduce((sum, value) => sum + value, 0);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${String(values.length * width)} 16`}
      role="img"
      aria-label={`${String(total)} events in the last minute`}
    >
      <path d={path} />
    </svg>
  );
}
