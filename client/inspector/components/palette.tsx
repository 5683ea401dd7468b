import { useSignal } from '@preact/signals';
import { ACTIONS } from '../page/actions.js';
import { overlay } from '../page/state.js';
import { Dialog } from './dialog.js';

/** All actions by name. */
export function Palette() {
  const text = useSignal('');
  const chosen = useSignal(0);
  const words = text.value.toLowerCase().split(/\s+/);
  const found = ACTIONS.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const run = (place: number): void => {
    const action = found[place];
    overlay.value = 'none';
    // Wait until the dialog has given back the focus.
    if (action) requestAnimationFrame(action.run);
  };
  return (
    <Dialog title="Commands" close={() => (overlay.value = overlay.value === 'palette' ? 'none' : overlay.value)}>
      <input
        class="palette-input"
        type="text"
        autofocus
        spellcheck={false}
        placeholder="What do you want to do?"
        aria-label="Command"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${String(chosen.value)}`}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) chosen.value = Math.max(0, Math.min(found.length - 1, chosen.value + step));
          else if (event.key === 'Enter') run(chosen.value);
          else return;
          event.preventDefault();
        }}
      />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label="Commands">
        {found.map(({ name, keys }, i) => (
          <li
            key={name}
            id={`palette-${String(i)}`}
            role="option"
            aria-selected={i === chosen.value}
            onClick={() => {
              run(i);
            }}
          >
            {name}
            {keys ? <kbd>{keys}</kbd> : null}
          </li>
        ))}
        {found.length === 0 ? (
          <li role="option" aria-selected="false" class="muted">
            No such command
          </li>
        ) : null}
      </ul>
    </Dialog>
  );
}
