import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Link } from '../model/target.js';
import { visibleMiddle } from '../model/visible.js';
import { ACTIONS } from '../page/actions.js';
import { followLink, overlay } from '../page/state.js';
import { ask } from '../page/worker-client.js';
import type { Found } from '../worker/search.js';
import { Dialog } from './dialog.js';

const ASK_AGAIN_MS = 250;

/** A row of the palette: something to go to, or a command. */
interface Choice {
  readonly key: string;
  readonly what: string;
  readonly name: string;
  readonly keys?: string | undefined;
  readonly run: () => void;
}

const toChoice = ({ what, name, link }: { what: string; name: string; link: Link }): Choice => ({
  key: `${what} ${name}`,
  what,
  name: visibleMiddle(name, 72),
  run: () => {
    followLink(link);
  },
});

/** Finds agents, addresses, records, clients and commands by name. */
export function Palette() {
  const text = useSignal('');
  const chosen = useSignal(0);
  const found = useSignal<readonly Found[]>([]);
  useEffect(() => {
    const asked = text.value;
    const look = (): void =>
      void ask({ about: 'search', text: asked }).then((answer) => {
        if (text.value === asked) found.value = answer;
      });
    look();
    // In a page that has just been opened the records are still to come. What is found already is not moved under a hand.
    const timer = setInterval(() => {
      if (found.value.length === 0) look();
    }, ASK_AGAIN_MS);
    return () => {
      clearInterval(timer);
    };
  }, [text.value]);
  const words = text.value.toLowerCase().split(/\s+/);
  const commands = ACTIONS.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const choices: readonly Choice[] = [
    ...found.value.map(toChoice),
    ...commands.map(({ name, keys, run }) => ({ key: `command ${name}`, what: 'command', name, keys, run })),
  ];
  const run = (place: number): void => {
    const choice = choices[place];
    overlay.value = 'none';
    // Wait until the dialog has given back the focus.
    if (choice) requestAnimationFrame(choice.run);
  };
  return (
    <Dialog
      title="Search and commands"
      close={() => (overlay.value = overlay.value === 'palette' ? 'none' : overlay.value)}
    >
      <input
        class="palette-input"
        type="text"
        autofocus
        spellcheck={false}
        placeholder="An agent, an address, a record, a client or a command"
        aria-label="Search"
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
          if (event.isComposing) return;
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) chosen.value = Math.max(0, Math.min(choices.length - 1, chosen.value + step));
          else if (event.key === 'Enter') run(chosen.value);
          else return;
          event.preventDefault();
        }}
      />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label="Results">
        {choices.map(({ key, what, name, keys }, i) => (
          <li
            key={key}
            id={`palette-${String(i)}`}
            role="option"
            aria-selected={i === chosen.value}
            onClick={() => {
              run(i);
            }}
          >
            <bdi>{name}</bdi>
            {keys ? <kbd>{keys}</kbd> : <span class="muted">{what}</span>}
          </li>
        ))}
        {choices.length === 0 ? (
          <li role="option" aria-selected="false" class="muted">
            Nothing with this name
          </li>
        ) : null}
      </ul>
    </Dialog>
  );
}
