import { formatSince } from '../model/format.js';
import { visible } from '../model/visible.js';
import { paint, select } from '../page/state.js';
import type { Detail } from '../worker/paint.js';
import { HistoryList } from './history-list.js';
import { RecordDetail } from './record-detail.js';
import { KindTag, LeaseTag, Sparkline, Text } from './primitives.js';
import { AddressCard } from './address-card.js';
import { DetailActions } from './detail-actions.js';
import { WaitLines } from './wait-line.js';

/** Shows the selection in full. */
export function DetailPane() {
  const detail = paint.value?.detail;
  if (!detail) return <section class="detail" aria-label="Details" tabIndex={-1} />;
  return (
    <section class="detail" aria-label="Details" tabIndex={-1}>
      <header>
        <h2>
          <Title detail={detail} />
        </h2>
        <button
          class="quiet"
          aria-label="Close the details"
          title="Close ( Esc )"
          onClick={() => {
            select(undefined);
          }}
        >
          ×
        </button>
      </header>
      <DetailActions detail={detail} />
      <Body detail={detail} />
    </section>
  );
}

function Title({ detail }: { detail: Detail }) {
  switch (detail.about) {
    case 'record':
      return (
        <>
          <KindTag kind={detail.kind} /> <Text value={detail.id} max={26} middle />
        </>
      );
    case 'run':
      return <>Run {visible(detail.run, 40)}</>;
    case 'address':
      return <Text value={detail.address} max={44} middle />;
    case 'nothing':
      return <>Not found</>;
  }
}

function Body({ detail }: { detail: Detail }) {
  switch (detail.about) {
    case 'record':
      return <RecordDetail key={`${detail.key}@${String(detail.event?.revision ?? '')}`} detail={detail} />;
    case 'run':
      return (
        <>
          {detail.agent ? (
            <RunFacts agent={detail.agent} />
          ) : (
            <p class="muted">This run has no record at this moment.</p>
          )}
          {detail.waits.length > 0 ? (
            <>
              <h3>Waits</h3>
              <WaitLines lines={detail.waits} isShort />
            </>
          ) : null}
          <HistoryList title="Events of this run" rows={detail.history} />
        </>
      );
    case 'address':
      return (
        <>
          <AddressCard detail={detail} />
          <HistoryList title="Last changes" rows={detail.history} shows="run" />
        </>
      );
    case 'nothing':
      return (
        <p class="muted">
          {visible(detail.name, 80)} does not exist at this moment, and the known history has no event of it. It may
          have existed before the history begins.
        </p>
      );
  }
}

function RunFacts({ agent }: { agent: NonNullable<Extract<Detail, { about: 'run' }>['agent']> }) {
  const { branch, presence, silentMs, sinceBeatMs, intent, leases, activity } = agent;
  return (
    <>
      <dl class="facts">
        <div>
          <dt>presence</dt>
          <dd>
            <span class={`presence ${presence}`} /> {presence}
            {silentMs === undefined ? '' : `, last event ${formatSince(silentMs)}`}
          </dd>
        </div>
        <div>
          <dt>branch</dt>
          <dd>
            <Text value={branch} max={40} middle />
          </dd>
        </div>
        <div>
          <dt>last heartbeat</dt>
          <dd>{sinceBeatMs === undefined ? 'never' : formatSince(sinceBeatMs)}</dd>
        </div>
        <div>
          <dt>intent</dt>
          <dd>{intent === undefined ? 'none' : visible(intent, 120)}</dd>
        </div>
        <div>
          <dt>last minute</dt>
          <dd>{activity.some((count) => count > 0) ? <Sparkline values={activity} /> : 'no events'}</dd>
        </div>
      </dl>
      <h3>Leases</h3>
      {leases.length === 0 ? <p class="muted">No active leases.</p> : null}
      <ul class="holder-list">
        {leases.map(({ key, address, more, state, leftMs, isContested }) => (
          <li key={key}>
            <button
              class="row-link"
              onClick={() => {
                select({ type: 'record', key });
              }}
            >
              <span class="grow">
                {isContested ? <span class="contest">⚔ </span> : null}
                <Text value={address} max={32} middle />
                {more > 0 ? <span class="muted"> +{more}</span> : null}
              </span>
              <LeaseTag state={state} leftMs={leftMs} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
