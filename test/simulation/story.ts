import type { Rule, Violation } from './judge/judge.js';
import type { LifePlan } from './world/plan.js';

/** The expectation of each rule. */
const EXPECTED: Readonly<Record<Rule, string>> = {
  'false free':
    'an address is called free only if at some moment since the question the files said that nobody holds it',
  'false held':
    'an address is called held only if at some moment since the question the files said, or may have said, that it is',
  'false problem': 'a file is said to be broken only after it was that for longer than writing takes',
  'false end': 'a lease is said to have ended only after its files and the clock said so',
  'false health': 'what cannot be looked into is not called healthy',
  crash: 'no process ends by an error',
  unforeseen: 'the server meets no error that it does not foresee',
  wire: 'each subscriber is told everything that matches, once, in order, and can go on from any cursor',
  view: 'at rest each mirror equals the directory',
  stuck: 'at rest everybody is served and every question is answered',
  bound: 'what is kept has a bound',
  outside: 'a server makes its own directories in a checkout, and writes nothing else',
};

/** The most lines of a story, about a minute to read. */
const MAX_LINES = 70;
/** How many of the last lines before a violation are always included. */
const LAST_LINES = 12;
const MAX_LINE_LENGTH = 220;

/** The words in a violation that are names of files, clients or addresses. */
const NAMES =
  /\b(?:agent-\d+(?:-[a-z0-9-]+)?|client-\d+|origin-\d+|edge-\d+|flood-\d+|burst-\d+|(?:src|docs)\/[\w.:]+)/g;

/**
 * Returns the story of a violating life for a reader: the violation, the expectation, and the events that concern it.
 * @param lines the lines of the whole life.
 */
export function storyOf(plan: LifePlan, violation: Violation, lines: readonly string[]): string {
  const end = lines.findIndex((line) => line.includes('VIOLATION'));
  const told = end < 0 ? lines : lines.slice(0, end + 1);
  const names = new Set(violation.why.match(NAMES) ?? []);
  // For an address: also the lines of agents that hold it.
  for (const line of told) {
    const isNamed = [...names].some((name) => /[/]/.test(name) && namesIt(line, name));
    const reserved = isNamed ? / writes reservation\/(\S+)/.exec(line)?.[1] : undefined;
    if (reserved !== undefined && names.size < 12) names.add(reserved);
  }
  const concerns = (line: string, i: number): boolean =>
    i >= told.length - LAST_LINES ||
    / fault: | origin-\d+ | edge-\d+ | rival-\d+ /.test(line) ||
    [...names].some((name) => namesIt(line, name));
  const chosen = told.filter(concerns);
  const shown = chosen.slice(-MAX_LINES);
  const left = told.length - shown.length;
  return [
    `rule:     ${violation.rule}`,
    `expected: ${EXPECTED[violation.rule]}`,
    `seen:     ${violation.why}`,
    `when:     ${violation.atMs.toFixed(1)} ms after the world began`,
    `world:    ${worldOf(plan)}`,
    `told:     ${String(shown.length)} of ${String(told.length)} lines${left > 0 ? ', those that concern it' : ''}`,
    '',
    ...shown.map((line) => (line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line)),
  ].join('\n');
}

/** Whether a line contains a name, and not only a longer name that begins with it. */
function namesIt(line: string, name: string): boolean {
  const at = line.indexOf(name);
  return at >= 0 && !/\d/.test(line.charAt(at + name.length));
}

function worldOf({ agents, clients, faults, isJournalled, options, network }: LifePlan): string {
  const counts = `${String(agents.length)} agents, ${String(clients.length)} clients, ${String(faults.length)} faults`;
  const kinds = clients.map(({ name, kind }) => `${name} ${kind}`).join(', ');
  const journal = isJournalled ? 'a journal' : 'no journal';
  const settings = `settle ${String(options.settleMs)} ms, history ${String(options.maxHistoryEvents)} events`;
  const queue = `queue ${String(options.maxQueuedBytes)} bytes, latency ${String(network.latencyMs)} ms`;
  return `${counts}; ${journal}, ${settings}, ${queue}; ${kinds}`;
}
