import {
  compileFilter,
  subscriptionId,
  type Explanation,
  type ExplainQuestion,
  type Inspection,
  type Inspections,
  type Overview,
  type WatchHealth,
} from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { explainDelivery, explainFilter } from './explain.js';
import type { Hub } from '../delivery/hub.js';
import { listDelivery } from './overview.js';
import type { Session } from '../sessions/session.js';

/** The parts of the server that answers are made from. */
export interface IntrospectionServices {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly limits: Readonly<Record<string, number>>;
  readonly sessions: Iterable<Session>;
  health(): WatchHealth;
  backlog(): { readonly pending: number; readonly unsettled: number };
  journal(): Overview['journal'];
}

/** Answers questions of clients about the server. */
export class Introspection {
  readonly #startedAt: number;

  constructor(private readonly services: IntrospectionServices) {
    this.#startedAt = services.clock.elapsed();
  }

  get journalState(): string {
    return this.services.journal().state;
  }

  answer(inspection: Inspection, asker: Session | undefined): Inspections[keyof Inspections]['answer'] {
    switch (inspection.topic) {
      case 'overview':
        return this.overview(inspection.limit, asker);
      case 'explain':
        return this.explain(inspection.question, asker);
    }
  }

  overview(limit: number, asker: Session | undefined): Overview {
    const { hub, clock, limits, sessions, health, backlog, journal } = this.services;
    return {
      now: clock.now(),
      revision: hub.revision,
      epoch: hub.epoch,
      uptime_ms: Math.round(clock.elapsed() - this.#startedAt),
      you: asker?.id ?? null,
      watch: { ...health(), ...backlog() },
      journal: journal(),
      limits,
      ...listDelivery(hub, sessions, limit),
    };
  }

  explain(question: ExplainQuestion, asker: Session | undefined): Explanation {
    const { hub } = this.services;
    const { about } = question;
    if (about.is === 'filter') return explainFilter(hub, about.filter, compileFilter(about.filter), question);
    const session = about.connection === undefined ? asker : this.#session(about.connection);
    const served = session?.subscriber.progress(subscriptionId(about.sub));
    if (served) return explainDelivery(hub, served, question);
    const text = session
      ? `there is no subscription ${String(about.sub)} on connection ${String(session.id)}, and none that ended lately`
      : `there is no connection ${String(about.connection ?? '')}`;
    return { verdict: 'unknown', reasons: [{ code: 'no-such-subscription', text }] };
  }

  #session(id: number): Session | undefined {
    for (const session of this.services.sessions) if (session.id === id) return session;
    return undefined;
  }
}
