import { ACTIONS } from '../page/actions.js';
import { overlay } from '../page/state.js';
import { Dialog } from './dialog.js';

const MORE_KEYS: readonly (readonly [string, string])[] = [
  ['j  k', 'Next and previous row'],
  ['Enter', 'Into the details'],
];

const FILTER_EXAMPLES: readonly (readonly [string, string])[] = [
  ['kind:reservation,intent', 'either kind'],
  ['branch:main run:agent-4*', 'both; * is anything, ? one character'],
  ['addr:src/billing.py::*', 'any symbol of a file'],
  ['!type:modified', 'not; - works too'],
  ['lag:>10 bytes:>1000 rev:<=500', 'numbers'],
  ['problem:*', 'files that cannot be read'],
  ['invoice  /total|sum/i', 'text anywhere; a regular expression'],
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
            Different fields must all match; values of one field, any. Views of what stands (Agents, Symbols, Lanes)
            look at run, branch, address and text; kind, type and numbers are asked of events, in Stream and Lanes.
          </p>
          <h3>Lanes</h3>
          <p class="muted">
            Wheel with Ctrl zooms, drag pans, drag on the axis picks a span, double click follows again.
          </p>
        </section>
      </div>
    </Dialog>
  );
}
