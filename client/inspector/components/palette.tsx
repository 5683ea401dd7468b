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

function choicesOf(found: readonly Found[], text: string): readonly Choice[] {
  const words = text.toLowerCase().split(/\s+/);
  const commands = ACTIONS.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  return [
    ...found.map(toChoice),
    ...commands.map(({ name, keys, run }) => ({ key: `command ${name}`, what: 'command', name, keys, run })),
  ];
}

/** Finds agents, addresses, records, clients and commands by name. */
export function Palette() {
  const text = useSignal('');
  const chosen = useSignal(0);
  const found = useSignal<readonly Found[]>([]);
  /** The text that `found` is the answer to. */
  const answered = useSignal<string | undefined>(undefined);
  /** Whether Enter was pressed before that: it means what the whole text names, and not what a part of it did. */
  const isEntered = useSignal(false);
  useEffect(() => {
    const asked = text.value;
    const look = (): void =>
      void ask({ about: 'search', text: asked }).then((answer) => {
        if (text.value !== asked) return;
        found.value = answer;
        answered.value = asked;
        if (isEntered.value) run(choicesOf(answer, asked)[chosen.value]);
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
  const choices = choicesOf(found.value, text.value);
  const run = (choice: Choice | undefined): void => {
    isEntered.value = false;
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
          isEntered.value = false;
        }}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) chosen.value = Math.max(0, Math.min(choices.length - 1, chosen.value + step));
          else if (event.key === 'Enter' && answered.value === text.value) run(choices[chosen.value]);
          else if (event.key === 'Enter') isEntered.value = true;
          else return;
          event.preventDefault();
        }}
      />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label="Results">
        {choices.map((choice, i) => (
          <li
            key={choice.key}
            id={`palette-${String(i)}`}
            role="option"
            aria-selected={i === chosen.value}
            onClick={() => {
              run(choice);
            }}
          >
            <bdi>{choice.name}</bdi>
            {choice.keys ? <kbd>{choice.keys}</kbd> : <span class="muted">{choice.what}</span>}
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
