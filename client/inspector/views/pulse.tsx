import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { AttentionGroup } from '../model/attention-groups.js';
import { formatCount, formatLag } from '../model/format.js';
import type { Attention } from '../model/matter.js';
import type { ViewName } from '../model/view-name.js';
import { nowMs, paint } from '../page/state.js';
import { useInSteps } from '../components/in-steps.js';
import { PlaceLink } from '../components/link.js';
import { commandLine } from '../model/copied-command.js';
import { MatterActions, Severity } from '../components/matter-row.js';
import { untilWords, WaitLines } from '../components/wait-line.js';
import { Plot } from '../components/plot.js';
import { KindTag } from '../components/primitives.js';
import type { Summary, PulsePaint } from '../worker/paint.js';

/** The matters that get new elements in one task. */
const NEW_MATTERS = 8;

export function PulseView() {
  const now = paint.value;
  if (!now?.pulse) return null;
  return (
    <div class="pulse">
      <Figures summary={now.summary} />
      <div class="pulse-main">
        <Blocked pulse={now.pulse} />
        <AttentionList pulse={now.pulse} />
      </div>
      <aside class="pulse-side" aria-label="Rates">
        <Rates pulse={now.pulse} summary={now.summary} />
        <Kinds pulse={now.pulse} />
      </aside>
    </div>
  );
}

function Figures({ summary }: { summary: Summary }) {
  const { agents, leases, contested, waiting } = summary;
  return (
    <div class="figures">
      <Group title="Agents" view="agents">
        <Figure value={agents.live} label="live" tone="good" hint="last event within 15 s" />
        <Figure value={agents.quiet} label="quiet" tone="warning" hint="no event for 15 s" />
        <Figure value={agents.silent} label="silent" tone="critical" hint="no event for 90 s" />
        <Figure value={waiting} label="waiting" tone="warning" hint="wait for an address or a task of another run" />
      </Group>
      <Group title="Leases" view="lanes">
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
      <Group title="Addresses" view="symbols">
        <Figure value={contested} label="contested" tone="critical" hint="held by several runs" />
      </Group>
    </div>
  );
}

function Group({ title, view, children }: { title: string; view: ViewName; children: ComponentChildren }) {
  return (
    <section class="figure-group">
      <h2>
        <PlaceLink to={{ view }}>{title}</PlaceLink>
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

function Blocked({ pulse: { waits, moreWaits } }: { pulse: PulsePaint }) {
  return (
    <section class="blocked" aria-labelledby="blocked-title">
      <h2 id="blocked-title">
        Who waits for whom <span class="muted">a silent holder first, then the longest wait</span>
      </h2>
      {waits.length === 0 ? <p class="muted">No agent waits for another.</p> : <WaitLines lines={waits} />}
      {moreWaits > 0 ? <p class="muted more">and {formatCount(moreWaits)} more</p> : null}
    </section>
  );
}

function AttentionList({ pulse: { attention, waits, more } }: { pulse: PulsePaint }) {
  const shown = useInSteps(attention, NEW_MATTERS);
  return (
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title">Needs attention</h2>
      {attention.length === 0 ? (
        <p class={waits.length === 0 ? 'all-well' : 'muted'}>
          {waits.length === 0 ? <span class="tick" aria-hidden="true" /> : null} Nothing
          {waits.length === 0 ? '' : ' else'}. No address is contested, no holder is silent, all files can be read.
        </p>
      ) : (
        <ol>
          {shown.map((group) => (
            <li key={group.key} class={`matter ${group.severity}`}>
              <Severity severity={group.severity} />
              {group.count === 1 ? <Matter matter={group.matters[0]!} /> : <Many group={group} />}
            </li>
          ))}
        </ol>
      )}
      {more > 0 ? <p class="muted more">and {formatCount(more)} more</p> : null}
    </section>
  );
}

function Matter({ matter: { text, endMs, link, runs, command } }: { matter: Attention }) {
  return (
    <>
      <span class="matter-text">
        {text}
        {endMs === undefined ? null : <span class="muted"> · {untilWords(endMs, undefined, nowMs.value)}</span>}
      </span>
      <MatterActions open={link} runs={runs} command={command && commandLine(command)} />
    </>
  );
}

/** Many matters about the same, as one line that opens. What is closed has no elements. */
function Many({ group: { title, subjects, count, matters } }: { group: AttentionGroup }) {
  const isOpen = useSignal(false);
  const shown = useInSteps(isOpen.value ? matters : [], NEW_MATTERS);
  return (
    <details class="many" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary data-row>
        {title} <span class="muted">{subjects.join(' · ')}</span>
      </summary>
      <ul>
        {shown.map((matter) => (
          <li key={matter.key} class="matter">
            <Matter matter={matter} />
          </li>
        ))}
      </ul>
      {count > matters.length ? <p class="muted">and {formatCount(count - matters.length)} more</p> : null}
    </details>
  );
}

function Rates({ pulse: { rates }, summary }: { pulse: PulsePaint; summary: Summary }) {
  return (
    <>
      <section class="plot-box">
        <h2>
          Events a second <span class="value">{summary.eventsPerSecond.toFixed(1)}</span>
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
          Delivery lag <span class="value">{summary.lagMs === undefined ? '–' : formatLag(summary.lagMs)}</span>
          <span class="legend">
            <i class="line solid" /> mean <i class="line dashed" /> max
          </span>
        </h2>
        <Plot
          label="Delivery lag in milliseconds over the last five minutes"
          data={[rates.seconds, rates.lagMean, rates.lagMax]}
          series={[
            { name: 'mean', color: 'accent' },
            { name: 'max', color: 'warning', dash: true },
          ]}
          format={(value) => (value === 0 ? '0' : formatLag(value))}
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
        Records <span class="value">{formatCount(total)}</span>
      </h2>
      <ul>
        {kinds.map(({ kind, count }) => (
          <li key={kind}>
            <PlaceLink
              class="kind-row"
              title={`Show ${kind} events in the stream`}
              to={{ view: 'stream', query: `kind:${kind}` }}
            >
              <KindTag kind={kind} />
              <span class="kind-bar" aria-hidden="true">
                <i style={{ width: `${String((count / most) * 100)}%` }} />
              </span>
              <span class="number">{formatCount(count)}</span>
            </PlaceLink>
          </li>
        ))}
      </ul>
    </section>
  );
}
