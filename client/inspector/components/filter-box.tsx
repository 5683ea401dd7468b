import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Completion } from '../model/completion.js';
import { visible } from '../model/visible.js';
import { ask } from '../page/worker-client.js';
import { followLink, paint, query } from '../page/state.js';
import type { Found } from '../worker/search.js';

/** The most places that are offered below the completions. */
const MAX_FOUND = 8;

const NONE: Completion = { from: 0, to: 0, choices: [] };

/** Something that can be taken: a completion, or a place to go to. */
interface Offer {
  readonly key: string;
  readonly text: string;
  readonly hint: string;
  readonly take: () => void;
}

/** The filter, with the possible completions below it. */
export function FilterBox() {
  const input = useRef<HTMLInputElement>(null);
  const completion = useSignal<Completion>(NONE);
  const found = useSignal<readonly Found[]>([]);
  const chosen = useSignal(-1);
  const hasTyped = useRef(false);
  /** Whether the window lost the focus, and not the filter: a person who comes back has asked for nothing. */
  const isElsewhere = useRef(false);
  const error = paint.value?.queryError;
  const offers: readonly Offer[] = [
    ...completion.value.choices.map(({ insert, hint }) => ({
      key: insert,
      text: insert,
      hint,
      take: () => take(insert),
    })),
    ...found.value.map(({ what, name, link }) => ({
      key: `${what} ${name}`,
      text: name,
      hint: `go to ${what}`,
      take: () => {
        query.value = '';
        close();
        followLink(link);
      },
    })),
  ];

  const propose = async (): Promise<void> => {
    const { value, selectionStart } = input.current!;
    const isName = value.trim() !== '' && !/[:\s"]/.test(value.trim().replaceAll('::', ''));
    const [completed, places] = await Promise.all([
      ask({ about: 'completion', text: value, caret: selectionStart ?? value.length }),
      isName ? ask({ about: 'search', text: value }) : [],
    ]);
    if (document.activeElement !== input.current || input.current?.value !== value) return;
    completion.value = completed;
    found.value = places.slice(0, MAX_FOUND);
    chosen.value = -1;
  };
  const close = (): void => {
    completion.value = NONE;
    found.value = [];
  };
  const take = (insert: string): void => {
    const { from, to } = completion.value;
    const isField = insert.endsWith(':');
    const after = query.value.slice(to).trimStart();
    const head = query.value.slice(0, from) + insert + (isField ? '' : ' ');
    query.value = head + after;
    close();
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(head.length, head.length);
      if (isField) void propose();
    });
  };
  const pressed = (event: KeyboardEvent): void => {
    if (offers.length === 0 || event.isComposing) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) chosen.value = (chosen.value + step + offers.length) % offers.length;
    else if (event.key === 'Tab' && !event.shiftKey && (chosen.value >= 0 || hasTyped.current))
      offers[Math.max(0, chosen.value)]!.take();
    // Whoever passes through has typed nothing, and goes on.
    else if (event.key === 'Tab') return;
    else if (event.key === 'Enter' && chosen.value >= 0) offers[chosen.value]!.take();
    else if (event.key === 'Escape' || event.key === 'Enter') close();
    else return;
    if (event.key !== 'Escape') event.preventDefault();
  };

  return (
    <div class="filter">
      <label class="hidden" for="filter">
        Filter
      </label>
      <input
        id="filter"
        ref={input}
        type="text"
        spellcheck={false}
        autocomplete="off"
        placeholder="Filter or find   agent-4   kind:reservation branch:main run:agent-4* addr:src/** !type:modified /regex/"
        value={query.value}
        role="combobox"
        aria-expanded={offers.length > 0}
        aria-controls="filter-choices"
        aria-autocomplete="list"
        aria-activedescendant={chosen.value >= 0 ? `filter-choice-${String(chosen.value)}` : undefined}
        aria-invalid={error !== undefined}
        aria-describedby={error ? 'filter-error' : undefined}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          hasTyped.current = query.value !== '';
          void propose();
        }}
        onFocus={() => {
          if (!isElsewhere.current) void propose();
        }}
        onBlur={() => {
          isElsewhere.current = !document.hasFocus();
          hasTyped.current = false;
          close();
        }}
        onKeyDown={pressed}
      />
      {query.value === '' ? (
        <kbd class="filter-key">/</kbd>
      ) : (
        <button class="filter-clear" aria-label="Clear the filter" title="Clear" onClick={() => (query.value = '')}>
          ×
        </button>
      )}
      <ul
        id="filter-choices"
        class="choices"
        role="listbox"
        aria-label="Completions and places"
        hidden={offers.length === 0}
      >
        {offers.map(({ key, text, hint, take: choose }, i) => (
          <li
            key={key}
            id={`filter-choice-${String(i)}`}
            role="option"
            aria-selected={i === chosen.value}
            onPointerDown={(event) => {
              event.preventDefault();
              choose();
            }}
          >
            <code>{visible(text, 80)}</code>
            <span class="muted">{hint}</span>
          </li>
        ))}
      </ul>
      {error && offers.length === 0 ? (
        <p id="filter-error" class="filter-error" role="alert">
          {visible(error.message, 160)}. The last valid filter is still in force.
        </p>
      ) : null}
    </div>
  );
}
