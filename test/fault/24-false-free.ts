import { LanesOfRounds } from './support/lease-lane.js';
import { held, insist, type FaultContext, type FaultRun, type Outcome } from './support/fault-run.js';

/** How many repositories are tested at a time, each with its own server. */
const LANES = 6;

async function run(context: FaultContext, transport: 'uws' | 'ws'): Promise<Outcome> {
  const rounds = context.size(120, 1_000, 8);
  const lanes = new LanesOfRounds(context, transport, Math.min(LANES, rounds));
  const tally = await lanes.run(rounds);
  insist(tally.falseFree.length === 0, () => `${transport}: ${tally.falseFree.join('; ')}`);
  insist(tally.free > 0 && tally.held > 0, () => `no answer was free, or none was held: ${JSON.stringify(tally)}`);
  // A client that uses only its own clock must be wrong at times: otherwise the rounds prove nothing.
  insist(!context.isMeasured || tally.byOwnClock > 0, () => `${transport}: the client's own clock was never wrong`);
  return held(
    rounds,
    `${tally.free.toLocaleString('en')} answers free, ${tally.held.toLocaleString('en')} held, ` +
      `${tally.unknown.toLocaleString('en')} unknown or none; the client's own clock alone was wrong ${tally.byOwnClock.toLocaleString('en')} times`,
  );
}

const INVARIANT = 'never “free” while the files say that it is held: SDK, CLI, MCP, HTTP';
const FAULT =
  'leases end and are extended on disk while the server is killed, stopped or disconnected at random moments';

export const falseFreeOnNative: FaultRun = {
  row: 25,
  name: '24-false-free-uws',
  invariant: INVARIANT,
  fault: `${FAULT}; native engine`,
  run: (context) => run(context, 'uws'),
};

export const falseFreeOnWs: FaultRun = {
  row: 26,
  name: '24-false-free-ws',
  invariant: INVARIANT,
  fault: `${FAULT}; ws`,
  run: (context) => run(context, 'ws'),
};
