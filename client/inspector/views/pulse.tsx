import type { ComponentChildren } from 'preact';
import type { Attention, Severity } from '../model/attention.js';
import { formatCount, formatLag } from '../model/format.js';
import { VIEW_TITLES } from '../model/view-name.js';
import { followLink, paint, query, showView } from '../page/state.js';
import { Plot } from '../components/plot.js';
import { KindTag } from '../components/primitives.js';
import type { Summary, PulsePaint } from '../worker/paint.js';

export function PulseView() {
  const now = paint.value;
  if (!now?.pulse) return null;
  return (
    <div class="pulse">
      <Figures summary={now.summary} />
      <AttentionList pulse={now.pulse} />
      <aside class="pulse-side" aria-label="Rates">
        <Rates pulse={now.pulse} summary={now.summary} />
        <Kinds pulse={now.pulse} />
      </aside>
    </div>
  );
}

function Figures({ summary }: { summary: Summary }) {
  const { agents, leases, contested } = summary;
  return (
    <div class="figures">
      <Group title="Agents" open={() => showView('agents')}>
        <Figure value={agents.live} label="live" tone="good" hint="last event within 15 s" />
        <Figure value={agents.quiet} label="quiet" tone="warning" hint="no event for 15 s" />
        <Figure value={agents.silent} label="silent" tone="critical" hint="no event for 90 s" />
      </Group>
      <Group title="Leases" open={() => showView('lanes')}>
        <Figure value={leases.active} label="active" tone="good" hint="held at this moment" />
        <Figure
          value={leases.lapsing}
          label="end within 60 s"
          tone="warning"
          hint="end within a minute unless extended"
        />
        <Figure
          value={leases.lapsed}
          label="lapsed"
          tone="critical"
          hint="ended without a release; the record still exists"
        />
      </Group>
      <Group title="Addresses" open={() => showView('symbols')}>
        <Figure value={contested} label="contested" tone="critical" hint="held by several runs" />
      </Group>
    </div>
  );
}

function Group({ title, open, children }: { title: string; open: () => void; children: ComponentChildren }) {
  return (
    <section class="figure-group">
      <h2>
        <button class="link" onClick={open}>
          {title}
        </button>
      </h2>
      <dl>{children}</dl>
    </section>
  );
}

function Figure({ value, label, tone, hint }: { value: number; label: string; tone: string; hint: string }) {
  return (
    <div class={`figure ${value === 0 ? 'zero' : tone}`} title={hint}>
      <dd>{formatCount(value)}</dd>
      <dt>{label}</dt>
    </div>
  );
}

const SEVERITY_WORDS: Readonly<Record<Severity, string>> = { critical: 'now', warning: 'soon', note: 'note' };

function AttentionList({ pulse: { attention, more } }: { pulse: PulsePaint }) {
  return (
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title">Needs attention</h2>
      {attention.length === 0 ? (
        <p class="all-well">
          <span class="tick" aria-hidden="true" /> Nothing. No address is contested, no agent is stuck, all files can be
          read.
        </p>
      ) : (
        <ol>
          {attention.map((matter) => (
            <Matter key={matter.key} matter={matter} />
          ))}
        </ol>
      )}
      {more > 0 ? <p class="muted more">and {formatCount(more)} more</p> : null}
    </section>
  );
}

function Matter({ matter: { severity, text, link } }: { matter: Attention }) {
  return (
    <li>
      <button
        data-row
        class={`matter ${severity}`}
        title={`Go to ${VIEW_TITLES[link.view]}`}
        onClick={() => {
          followLink(link);
        }}
      >
        <span class="severity">{SEVERITY_WORDS[severity]}</span>
        <span class="matter-text">{text}</span>
        <span class="matter-link" aria-hidden="true">
          {VIEW_TITLES[link.view]} ›
        </span>
      </button>
    </li>
  );
}

function Rates({ pulse: { rates }, summary }: { pulse: PulsePaint; summary: Summary }) {
  return (
    <>
      <section class="plot-box">
        <h2>
          Events a second <output>{summary.eventsPerSecond.toFixed(1)}</output>
        </h2>
        <Plot
          label="Events a second over the last five minutes"
          data={[rates.seconds, rates.events]}
          series={[{ name: 'events', color: 'accent', fill: true }]}
          format={(value) => formatCount(value)}
        />
      </section>
      <section class="plot-box">
        <h2>
          Delivery lag <output>{summary.lagMs === undefined ? '–' : formatLag(summary.lagMs)}</output>
          <span class="legend">
            <i class="line solid" /> mean <i class="line dashed" /> maximum
          </span>
        </h2>
        <Plot
          label="Delivery lag in milliseconds over the last five minutes"
          data={[rates.seconds, rates.lagMean, rates.lagMax]}
          series={[
            { name: 'mean', color: 'accent' },
            { name: 'maximum', color: 'warning', dash: true },
          ]}
          format={formatLag}
        />
      </section>
    </>
  );
}

function Kinds({ pulse: { kinds } }: { pulse: PulsePaint }) {
  const total = kinds.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...kinds.map(({ count }) => count));
  return (
    <section class="kinds">
      <h2>
        Records <output>{formatCount(total)}</output>
      </h2>
      <ul>
        {kinds.map(({ kind, count }) => (
          <li key={kind}>
            <button
              class="kind-row"
              title={`Show ${kind} events in the stream`}
              onClick={() => {
                query.value = `kind:${kind}`;
                showView('stream');
              }}
            >
              <KindTag kind={kind} />
              <span class="kind-bar" aria-hidden="true">
                <i style={{ width: `${String((count / most) * 100)}%` }} />
              </span>
              <span class="number">{formatCount(count)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
