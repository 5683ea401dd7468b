import { formatSince } from '../model/format.js';
import { visible } from '../model/visible.js';
import { paint, select } from '../page/state.js';
import type { Detail } from '../worker/paint.js';
import { HistoryList } from './history-list.js';
import { RecordDetail } from './record-detail.js';
import { KindTag, LeaseTag, Sparkline, Text } from './primitives.js';
import { DetailActions } from './detail-actions.js';

/** Shows the selection in full. */
export function DetailPane() {
  const detail = paint.value?.detail;
  if (!detail) return <aside class="detail" aria-label="Details" tabIndex={-1} />;
  return (
    <aside class="detail" aria-label="Details" tabIndex={-1}>
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
    </aside>
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
          <HistoryList title="Events of this run" rows={detail.history} />
        </>
      );
    case 'address':
      return (
        <>
          <Holders detail={detail} />
          <HistoryList title="History" rows={detail.history} shows="run" />
        </>
      );
    case 'nothing':
      return (
        <p class="muted">
          {visible(detail.name, 80)} does not exist at this moment, and the capture has no event of it. It may have
          existed before the capture began.
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
          <dd>
            <Sparkline values={activity} />
          </dd>
        </div>
      </dl>
      <h3>Leases</h3>
      {leases.length === 0 ? <p class="muted">This run holds no lease.</p> : null}
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

function Holders({ detail: { holders, address } }: { detail: Extract<Detail, { about: 'address' }> }) {
  return (
    <>
      <h3>Holders</h3>
      {holders.length === 0 ? <p class="muted">Nobody holds this address at this moment.</p> : null}
      <ul class="holder-list">
        {holders.map((holder) => (
          <li key={`${holder.key} ${holder.address}`}>
            <button
              class="row-link"
              onClick={() => {
                select({ type: 'record', key: holder.key });
              }}
            >
              <span class="grow">
                {holder.isContested ? <span class="contest">⚔ </span> : null}
                <b>
                  <Text value={holder.run} max={18} middle />
                </b>{' '}
                <span class="muted">
                  <Text value={holder.branch} max={18} middle />
                  {holder.address === address ? null : (
                    <>
                      {' '}
                      · <Text value={holder.address.slice(address.length).replace(/^(::|\/|\.)/, '')} max={20} middle />
                    </>
                  )}
                </span>
              </span>
              <LeaseTag state={holder.state} leftMs={holder.leftMs} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
