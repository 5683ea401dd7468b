import { ACTIONS } from '../page/actions.js';
import { overlay } from '../page/state.js';
import { Dialog } from './dialog.js';

const MORE_KEYS: readonly (readonly [string, string])[] = [
  ['j  k', 'Next and previous row'],
  ['Enter', 'Go to the details'],
];

const FILTER_EXAMPLES: readonly (readonly [string, string])[] = [
  ['kind:reservation,intent', 'one of these kinds'],
  ['branch:main run:agent-4*', 'both; * matches any text, ? one character'],
  ['addr:src/billing.py::*', 'all symbols of a file'],
  ['!type:modified', 'not this type; - works too'],
  ['lag:>10ms bytes:>1KB rev:<=500', 'compare numbers'],
  ['since:5m until:14:30', 'when it happened; times of day are UTC'],
  ['run:agent-1 OR kind:claim', 'one or the other'],
  ['problem:*', 'files that cannot be read'],
  ['invoice  /total|sum/i', 'text anywhere; or a regular expression'],
];

export function Help() {
  return (
    <Dialog title="Keys and filter" close={() => (overlay.value = 'none')}>
      <div class="help">
        <section>
          <h3>Keys</h3>
          <dl class="keys">
            {[...ACTIONS.filter(({ keys }) => keys).map(({ keys, name }) => [keys!, name] as const), ...MORE_KEYS].map(
              ([keys, name]) => (
                <div key={name}>
                  <dt>
                    {keys.split(/\s+/).map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{name}</dd>
                </div>
              ),
            )}
          </dl>
        </section>
        <section>
          <h3>Filter</h3>
          <dl class="examples">
            {FILTER_EXAMPLES.map(([example, meaning]) => (
              <div key={example}>
                <dt>
                  <code>{example}</code>
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <p class="muted">
            All fields must match; of the values of one field, one must match. The views of current records (Agents,
            Symbols, Lanes) use run, branch, address and text. Kind, type and numbers apply to events, in Stream and
            Lanes.
          </p>
          <h3>Lanes</h3>
          <p class="muted">
            Ctrl and the wheel zoom. Shift and the wheel pan. Drag on the axis to select a span. Double-click it to
            follow again.
          </p>
        </section>
      </div>
    </Dialog>
  );
}
