import { useSignal } from '@preact/signals';
import { kindFromName, KINDS, type Kind } from '../../../protocol/index.js';
import {
  clientName,
  describeFilter,
  describeReason,
  type ExplainParams,
  type Explanation,
  type Overview,
} from '../model/overview.js';
import { visible } from '../model/visible.js';
import { ask } from '../page/worker-client.js';
import { target } from '../page/state.js';

type Answer =
  | { readonly state: 'none' }
  | { readonly state: 'known'; readonly explanation: Explanation }
  | { readonly state: 'failed'; readonly message: string };

/** Explains why an event of a record was, or was not, delivered to a client. */
export function Explain({ overview: { connections } }: { overview: Overview }) {
  const who = useSignal('');
  const kind = useSignal<Kind>('reservation');
  const id = useSignal('');
  const answer = useSignal<Answer>({ state: 'none' });
  const subscriptions = connections.flatMap((connection) =>
    connection.subscriptions.map((subscription) => ({
      value: `${String(connection.id)}/${String(subscription.sub)}`,
      label: `${clientName(connection)} · ${visible(describeFilter(subscription.filter), 50)}`,
    })),
  );
  const chosen = who.value === '' ? (subscriptions[0]?.value ?? '') : who.value;
  const selected = target.value?.type === 'record' ? target.value.key : undefined;

  const explain = async (): Promise<void> => {
    const [connection, sub] = chosen.split('/').map(Number) as [number, number];
    const params: ExplainParams = { connection, sub, kind: kind.value, id: id.value };
    try {
      answer.value = { state: 'known', explanation: await ask({ about: 'explain', params }) };
    } catch (error) {
      answer.value = { state: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  };
  return (
    <section class="explain" aria-labelledby="explain-title">
      <h2 id="explain-title">Why was this event (not) delivered?</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void explain();
        }}
      >
        <label>
          Client
          <select value={chosen} onChange={(event) => (who.value = event.currentTarget.value)}>
            {subscriptions.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Kind
          <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as Kind)}>
            {KINDS.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Record id
          <input
            type="text"
            spellcheck={false}
            value={id.value}
            onInput={(event) => (id.value = event.currentTarget.value)}
          />
        </label>
        <div class="explain-actions">
          <button class="primary" disabled={id.value === '' || chosen === ''}>
            Explain
          </button>
          {selected === undefined ? null : (
            <button
              type="button"
              onClick={() => {
                const slash = selected.indexOf('/');
                kind.value = kindFromName(selected.slice(0, slash)) ?? 'reservation';
                id.value = selected.slice(slash + 1);
              }}
            >
              Use the selected record
            </button>
          )}
        </div>
      </form>
      <Reply answer={answer.value} />
    </section>
  );
}

function Reply({ answer }: { answer: Answer }) {
  switch (answer.state) {
    case 'none':
      return null;
    case 'failed':
      return (
        <p class="filter-error" role="alert">
          {visible(answer.message, 200)}
        </p>
      );
    case 'known':
      return (
        <div class="verdict" role="status">
          <strong>{visible(answer.explanation.verdict, 200)}</strong>
          <ul>
            {answer.explanation.reasons.map((reason) => (
              <li key={reason.code + reason.text}>{visible(describeReason(reason), 300)}</li>
            ))}
          </ul>
        </div>
      );
  }
}
