import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Completion } from '../model/completion.js';
import { visible } from '../model/visible.js';
import { ask } from '../page/worker-client.js';
import { paint, query } from '../page/state.js';

const NONE: Completion = { from: 0, to: 0, choices: [] };

/** The filter, with the possible completions below it. */
export function FilterBox() {
  const input = useRef<HTMLInputElement>(null);
  const completion = useSignal<Completion>(NONE);
  const chosen = useSignal(-1);
  const error = paint.value?.queryError;
  const { choices } = completion.value;

  const propose = async (): Promise<void> => {
    const { value, selectionStart } = input.current!;
    const found = await ask({ about: 'completion', text: value, caret: selectionStart ?? value.length });
    if (document.activeElement !== input.current) return;
    completion.value = found;
    chosen.value = -1;
  };
  const close = () => (completion.value = NONE);
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
    if (choices.length === 0) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) chosen.value = (chosen.value + step + choices.length) % choices.length;
    else if (event.key === 'Tab' && !event.shiftKey) take(choices[Math.max(0, chosen.value)]!.insert);
    else if (event.key === 'Enter' && chosen.value >= 0) take(choices[chosen.value]!.insert);
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
        placeholder="Filter   kind:reservation branch:main run:agent-4* addr:src/** !type:modified /regex/"
        value={query.value}
        role="combobox"
        aria-expanded={choices.length > 0}
        aria-controls="filter-choices"
        aria-autocomplete="list"
        aria-activedescendant={chosen.value >= 0 ? `filter-choice-${String(chosen.value)}` : undefined}
        aria-invalid={error !== undefined}
        aria-describedby={error ? 'filter-error' : undefined}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          void propose();
        }}
        onFocus={() => void propose()}
        onBlur={close}
        onKeyDown={pressed}
      />
      {query.value === '' ? (
        <kbd class="filter-key">/</kbd>
      ) : (
        <button class="filter-clear" aria-label="Clear the filter" title="Clear" onClick={() => (query.value = '')}>
          ×
        </button>
      )}
      <ul id="filter-choices" class="choices" role="listbox" aria-label="Completions" hidden={choices.length === 0}>
        {choices.map(({ insert, hint }, i) => (
          <li
            key={insert}
            id={`filter-choice-${String(i)}`}
            role="option"
            aria-selected={i === chosen.value}
            onPointerDown={(event) => {
              event.preventDefault();
              take(insert);
            }}
          >
            <code>{visible(insert, 80)}</code>
            <span class="muted">{hint}</span>
          </li>
        ))}
      </ul>
      {error && choices.length === 0 ? (
        <p id="filter-error" class="filter-error" role="alert">
          {visible(error.message, 160)}. The last valid filter is still in force.
        </p>
      ) : null}
    </div>
  );
}
