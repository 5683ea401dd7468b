import { createHash } from 'node:crypto';
import type { Violation } from './judge/judge.js';
import { live } from './life.js';
import { traitsOf, type WorldTrait } from './world/traits.js';
import { planOf, type LifePlan } from './world/plan.js';

/** A life that violated a rule. */
export interface Found {
  readonly seed: number;
  readonly plan: LifePlan;
  readonly violation: Violation;
  /** The time until the violation was found. */
  readonly afterSeconds: number;
}

export interface LivesReport {
  readonly lives: number;
  readonly simulatedSeconds: number;
  readonly seconds: number;
  /** Of this process: what it takes on a machine that has nothing else to do. */
  readonly processorSeconds: number;
  readonly found: readonly Found[];
  /** Over the traces of all lives, in order. */
  readonly trace: string;
}

export interface LivesPlan {
  readonly firstSeed: number;
  readonly maxLives: number;
  readonly maxSeconds: number;
  /** Whether `maxSeconds` are of the processor. @default false */
  readonly countsProcessor?: boolean;
  readonly untilViolation: boolean;
  /** Only lives with all of these. */
  readonly withTraits: readonly WorldTrait[];
  /** Told before each life, with how many have ended. */
  readonly begins?: (seed: number, lives: number) => void;
  /** Told after each life. */
  readonly lived: (report: LivesReport) => void;
}

/** Lives one life after the other until one of the bounds. */
export async function lives(plan: LivesPlan): Promise<LivesReport> {
  const { firstSeed, maxLives, maxSeconds, countsProcessor = false, untilViolation, withTraits, begins, lived } = plan;
  const started = performance.now();
  const hash = createHash('sha256');
  const found: Found[] = [];
  let [count, simulatedMs] = [0, 0];
  const report = (): LivesReport => ({
    lives: count,
    simulatedSeconds: Math.round(simulatedMs / 1_000),
    seconds: Math.round(performance.now() - started) / 1_000,
    processorSeconds: Math.round(process.cpuUsage().user / 1_000) / 1_000,
    found,
    trace: hash.copy().digest('hex').slice(0, 16),
  });
  for (let seed = firstSeed; count < maxLives; seed++) {
    const { seconds, processorSeconds } = report();
    if ((countsProcessor ? processorSeconds : seconds) >= maxSeconds) break;
    if (untilViolation && found.length > 0) break;
    const life = planOf(seed);
    const traits = traitsOf(life);
    if (!withTraits.every((trait) => traits.has(trait))) continue;
    begins?.(seed, count);
    const { violation, trace, simulatedMs: lastedMs } = await live(life);
    count++;
    simulatedMs += lastedMs;
    hash.update(trace);
    if (violation) found.push({ seed, plan: life, violation, afterSeconds: report().seconds });
    lived(report());
  }
  return report();
}
