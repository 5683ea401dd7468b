import { useSignal } from '@preact/signals';
import { visible } from '../model/visible.js';

/** The entries of a list or map that are shown at first. More are shown on demand. */
const PAGE_SIZE = 50;
const OPEN_DEPTH = 2;
/** A value that is open at first has at most about this many lines. */
const OPEN_LINES = 300;

interface JsonTreeProps {
  readonly value: unknown;
  readonly name?: string;
  readonly depth?: number;
  /** How many lines it may have and still be open at first. */
  readonly room?: number;
}

/** Shows a value of any size and depth. Closed nodes have no elements, so they cost nothing. */
export function JsonTree({ value, name, depth = 0, room = OPEN_LINES }: JsonTreeProps) {
  const isContainer = typeof value === 'object' && value !== null;
  const lines = isContainer ? Math.min(PAGE_SIZE, Object.keys(value).length) : 0;
  const isOpen = useSignal(depth < OPEN_DEPTH && lines <= room);
  const most = useSignal(PAGE_SIZE);
  const label = name === undefined ? null : <bdi class="json-name">{visible(name, 80)}</bdi>;
  if (!isContainer) {
    return (
      <div class="json-line">
        {label}
        <Scalar value={value} />
      </div>
    );
  }
  const keys = Object.keys(value);
  const summary = Array.isArray(value) ? `[${String(keys.length)}]` : `{${String(keys.length)}}`;
  return (
    <div class="json-node">
      <button class="json-line json-toggle" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
        <span class="twist" aria-hidden="true">
          {isOpen.value ? '▾' : '▸'}
        </span>
        {label}
        <span class="muted">{summary}</span>
      </button>
      {isOpen.value ? (
        <div class="json-children">
          {keys.slice(0, most.value).map((key) => (
            <JsonTree
              key={key}
              name={key}
              value={(value as Record<string, unknown>)[key]}
              depth={depth + 1}
              room={room / lines}
            />
          ))}
          {keys.length > most.value ? (
            <button class="link" onClick={() => (most.value += PAGE_SIZE * 4)}>
              {String(keys.length - most.value)} more
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

const MAX_CHARACTERS = 300;
const MAX_EXPANDED_CHARACTERS = 20_000;

export function Scalar({ value }: { value: unknown }) {
  const isExpanded = useSignal(false);
  if (typeof value !== 'string') return <span class="json-scalar">{String(value)}</span>;
  const most = isExpanded.value ? MAX_EXPANDED_CHARACTERS : MAX_CHARACTERS;
  return (
    <span class="json-string">
      “<bdi>{visible(value, most)}</bdi>”
      {value.length > MAX_CHARACTERS && !isExpanded.value ? (
        <button class="link" onClick={() => (isExpanded.value = true)}>
          {String(value.length)} characters
        </button>
      ) : null}
    </span>
  );
}
