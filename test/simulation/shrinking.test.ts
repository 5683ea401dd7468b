import t from 'tap';
import type { Violation } from './judge/judge.js';
import { shrink, type Live } from './shrinking.js';
import { planOf, type LifePlan } from './world/plan.js';

const VIOLATION: Violation = { rule: 'view', atMs: 20_000, why: 'as wanted' };
const PLAN: LifePlan = {
  ...planOf(1),
  faults: [
    { kind: 'burst', atMs: 2_000, forMs: 100, pick: 0 },
    { kind: 'kill', atMs: 9_000, forMs: 4_000, pick: 0 },
    { kind: 'stop', atMs: 12_000, forMs: 900, pick: 0 },
    { kind: 'late hints', atMs: 30_000, forMs: 900, pick: 0 },
  ],
};

/** A world that violates a rule as long as it has one agent, one client and one fault of a second. */
const culprits: Live = ({ agents, clients, faults }) => {
  const isShown =
    agents.some(({ name }) => name === 'agent-13') &&
    clients.some(({ name }) => name === 'client-4') &&
    faults.some(({ kind, forMs }) => kind === 'kill' && forMs >= 1_000);
  return Promise.resolve({ violation: isShown ? VIOLATION : undefined });
};

t.test('parts without an effect on the violation are removed, the others stay', async (t) => {
  const { plan, violation } = await shrink(PLAN, VIOLATION, culprits);
  t.equal(violation.rule, 'view');
  t.same(
    plan.agents.map(({ name }) => name),
    ['agent-13'],
  );
  t.same(
    plan.clients.map(({ name }) => name),
    ['client-4'],
  );
  t.same(plan.faults, [{ kind: 'kill', atMs: 9_000, forMs: 1_000, pick: 0 }]);
  t.ok(plan.activeMs < 21_000, 'it ends soon after what it shows');
  t.equal(plan.isJournalled, false);
  t.equal(plan.relay, undefined);
});

t.test('a smaller life that violates another rule is not taken', async (t) => {
  const { plan } = await shrink(PLAN, VIOLATION, ({ agents, clients, faults }) => {
    const isWhole = agents.length === 20 && clients.length === 10 && faults.length >= 3;
    return Promise.resolve({ violation: { ...VIOLATION, rule: isWhole ? 'view' : 'crash' } });
  });
  t.equal(plan.agents.length, 20);
  t.equal(plan.clients.length, 10);
  t.equal(plan.faults.length, 3, 'the one after what it shows is not part of it');
});

t.test('shrinking stops on request and returns the shortest life so far', async (t) => {
  let lives = 0;
  const counted: Live = (plan) => {
    lives++;
    return culprits(plan);
  };
  const { plan } = await shrink(PLAN, VIOLATION, counted, () => lives >= 3);
  t.equal(lives, 3);
  t.ok((await culprits(plan)).violation, 'which still shows it');
});
