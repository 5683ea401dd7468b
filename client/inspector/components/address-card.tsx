import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { visible } from '../model/visible.js';
import { ask } from '../page/worker-client.js';
import type { ClientAnswer } from '../worker/messages.js';
import type { Detail } from '../worker/paint.js';
import { LeaseTerm } from './lease-term.js';
import { PlaceLink } from './link.js';
import { LeaseTag, Text } from './primitives.js';
import { WaitLines } from './wait-line.js';

type AddressDetail = Extract<Detail, { about: 'address' }>;

/** Everything about one address: who holds it, until when and why, who waits for it, and which clients were told. */
export function AddressCard({ detail }: { detail: AddressDetail }) {
  const { holders, waits } = detail;
  return (
    <>
      <h3>Holders</h3>
      {holders.length === 0 ? <p class="muted">Nobody holds this address at this moment.</p> : null}
      <ul class="holder-list">
        {holders.map((holder) => (
          <li key={`${holder.key} ${holder.address}`}>
            <Holder holder={holder} address={detail.address} />
            <LeaseTerm term={holder} />
          </li>
        ))}
      </ul>
      <h3>Waiters</h3>
      {waits.length === 0 ? <p class="muted">Nobody waits for it.</p> : <WaitLines lines={waits} isShort />}
      <Told detail={detail} />
    </>
  );
}

function Holder({ holder, address }: { holder: AddressDetail['holders'][number]; address: string }) {
  return (
    <PlaceLink class="row-link" to={{ view: 'symbols', target: { type: 'record', key: holder.key } }}>
      <span class="grow">
        {holder.isContested ? <span class="contest">⚔ </span> : null}
        <b>
          <Text value={holder.run || 'no run'} max={18} middle />
        </b>{' '}
        <span class="muted">
          <Text value={holder.branch} max={18} middle />
          {holder.address === address ? null : (
            <>
              {' '}
              · <Text value={holder.address} max={28} middle />
            </>
          )}
        </span>
      </span>
      <LeaseTag state={holder.state} leftMs={holder.leftMs} />
    </PlaceLink>
  );
}

/** Which clients were told of the last change here. The bus is asked only when somebody wants to know. */
function Told({ detail: { address, history, holders } }: { detail: AddressDetail }) {
  const answers = useSignal<readonly ClientAnswer[] | undefined>(undefined);
  const failure = useSignal('');
  const key = history[0]?.key ?? holders[0]?.key;
  useEffect(() => {
    answers.value = undefined;
    failure.value = '';
  }, [address, key]);
  if (key === undefined) return null;
  const tell = (): void => {
    ask({ about: 'told', key }).then(
      (found) => (answers.value = found),
      (error: unknown) => (failure.value = error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <>
      <h3>Who was told of the last change</h3>
      {answers.value === undefined ? (
        <p>
          <button onClick={tell} data-told title="w">
            Ask the bus
          </button>{' '}
          <span class="muted">{visible(failure.value, 200)}</span>
        </p>
      ) : answers.value.length === 0 ? (
        <p class="muted">No other client has a subscription.</p>
      ) : (
        <ul class="told">
          {answers.value.map(({ client, sub, verdict, why }) => (
            <li key={`${client}/${String(sub)}`}>
              <b>{client}</b> <span class={`lease ${verdict === 'delivered' ? 'active' : 'urgent'}`}>{verdict}</span>{' '}
              <span class="muted">{visible(why, 240)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
