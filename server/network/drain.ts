import { CloseCode } from '../../protocol/index.js';
import type { ServedBus } from '../inspection/served-bus.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Session } from '../sessions/session.js';

/** The interval at which some connections are ended. */
const STEP_MS = 50;
/** Asks clients to connect again soon: each is told at another moment, and other servers are ready. */
const ELSEWHERE = 'shutdown retry=50';

/**
 * Ends the connections of a bus one after the other, evenly over a time, so that they do not all arrive at the other servers at once.
 * Resolves when none is left, or each has been told.
 */
export async function drain(bus: ServedBus, clock: Clock, overMs: number): Promise<void> {
  const told = new WeakSet<Session>();
  for (let stepsLeft = Math.ceil(overMs / STEP_MS); stepsLeft > 0; stepsLeft--) {
    const left = [...bus.sessions].filter((session) => !told.has(session));
    if (left.length === 0) return;
    for (const session of left.slice(0, Math.ceil(left.length / stepsLeft))) {
      told.add(session);
      sendAway(bus, session, ELSEWHERE);
    }
    await delay(clock, STEP_MS);
  }
}

/** Completes the subscriptions of a session and closes it. */
export function sendAway(bus: ServedBus, session: Session, reason: string): void {
  bus.supervisor.contain('the end of a session', () => {
    session.shutdown();
    session.end(CloseCode.goingAway, reason);
  });
}
