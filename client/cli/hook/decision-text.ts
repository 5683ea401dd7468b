import { shellWord, type JsonValue, type LeaseForm } from '../../../protocol/index.js';
import { UNTRUSTED } from '../mcp/answers.js';
import { answerText, cutValue, SHORT } from '../mcp/cut.js';
import { isOwn, type Decision, type Finding, type Review } from './decision.js';

/** The run that asks, and where its name is from. */
export interface Identity {
  readonly run: string;
  /** `session`: made from the harness's name of the session. `none`: the run has no name, so every lease counts as another run's. */
  readonly from: 'flag' | 'environment' | 'session' | 'none';
}

const MAX_FINDINGS = 5;
const FINDING_CHARACTERS = 600;
const WAIT_S = 60;
/** A longer name of a run, which may come from a variable, would fill the answer. */
const RUN_CHARACTERS = 120;

/**
 * Returns the text of a decision, which the agent reads. Data from records follows below a line that labels it as untrusted, as JSON, so
 * that no text in a record can look like a text of the hook.
 */
export function decisionText(
  { is, findings }: Exclude<Decision, { readonly is: 'none' }>,
  identity: Identity,
  { now, holders }: { readonly now: number; readonly holders: readonly LeaseForm[] },
  about: 'edit' | 'commit' = 'edit',
): string {
  const advice =
    is === 'said'
      ? []
      : [
          adviceOn(
            findings,
            holders.some((holder) => isOwn(holder, identity)),
            about,
          ),
        ];
  const lines = [headline(is, findings, about), ...advice, identityLine(identity)];
  const shown = findings.slice(0, MAX_FINDINGS).flatMap((finding) => shownFinding(finding, now));
  const left = findings.length - MAX_FINDINGS;
  if (left > 0) lines.push(`${String(left)} more are not shown.`);
  return [...lines, ...(shown.length === 0 ? [] : [`${UNTRUSTED}:`, ...shown])].join('\n');
}

const MAX_FILES = 10;

/** Returns the text after files have changed. File names come from the disk, so they follow below the line that labels untrusted data. */
export function reviewText({ uncovered, findings }: Review, identity: Identity, now: number): string {
  const shown = findings.slice(0, MAX_FINDINGS).flatMap((finding) => shownFinding(finding, now));
  const left = findings.length - MAX_FINDINGS;
  const without: JsonValue = { why: 'no-lease', files: uncovered };
  const limits = { ...SHORT, list: MAX_FILES };
  return [
    ...(findings.length > 0
      ? [
          'muse-bus: files have changed that another run holds. Tell the person, and leave them as they are from now on.',
        ]
      : []),
    ...(uncovered.length > 0
      ? ['muse-bus: files have changed without a lease of yours. Reserve what you change before you change it.']
      : []),
    ...(left > 0 ? [`${String(left)} more are not shown.`] : []),
    identityLine(identity),
    `${UNTRUSTED}:`,
    ...shown,
    ...(uncovered.length > 0 ? [answerText(cutValue(without, limits, FINDING_CHARACTERS).value)] : []),
  ].join('\n');
}

function headline(is: 'said' | 'denied', findings: readonly Finding[], about: 'edit' | 'commit'): string {
  const begin = is === 'denied' ? `muse-bus: this ${about} was stopped.` : 'muse-bus:';
  const has = (kind: Finding['is']): boolean => findings.some((finding) => finding.is === kind);
  const parts = [
    ...(has('held') ? ['Another run holds what it changes.'] : []),
    ...(has('unclear') ? ['A lease of another run may have ended or not; that cannot be known now.'] : []),
    ...findings.flatMap((finding) => (finding.is === 'unknown' ? [`Who holds it is unknown: ${finding.why}.`] : [])),
    ...(has('beside') ? ['Another run holds other symbols in this file: leave them as they are.'] : []),
    ...(has('merge-risk') ? ['A run on another branch holds it: the two will meet in the merge.'] : []),
  ];
  return [begin, ...parts].join(' ');
}

/** @param isOwnToo whether this run itself holds one of the addresses: then a wait for the whole file would also wait for that lease. */
function adviceOn(findings: readonly Finding[], isOwnToo: boolean, about: 'edit' | 'commit'): string {
  const paths = new Set(findings.flatMap((finding) => (finding.is === 'held' ? [finding.path] : [])));
  const [only, ...others] = paths;
  if (only === undefined) return 'Ask again later, or ask the user whether to continue without knowing.';
  const isNamed = !isOwnToo && others.length === 0;
  const wait = `muse-bus wait --free ${isNamed ? shellWord(only) : 'ADDRESS'} --timeout ${String(WAIT_S)}`;
  const which = isNamed ? '' : ', with each ADDRESS below that prevents it';
  return `Wait until it is free: ${wait}${which}; then ${about} again. Or work on something else.`;
}

export function identityLine({ run, from }: Identity): string {
  const name = answerText(cutValue(run, SHORT, RUN_CHARACTERS).value);
  switch (from) {
    case 'flag':
    case 'environment':
      return `You are run ${name}.`;
    case 'session':
      return `You are run ${name}, after your session. If you hold leases under another name, set MUSE_RUN_ID to it.`;
    case 'none':
      return "Nothing says which run you are, so every lease counts as another's: set MUSE_RUN_ID.";
  }
}

function shownFinding(finding: Finding, now: number): string[] {
  if (finding.is === 'unknown') return [];
  const { holder, path } = finding;
  const end = holder.effective_expires_at;
  const value: JsonValue = {
    why: finding.is,
    file: path,
    run_id: holder.run_id,
    branch: holder.branch,
    state: holder.state,
    ...(end === null ? {} : { until: end, seconds_left: Math.max(0, Math.ceil((Date.parse(end) - now) / 1_000)) }),
    ...(holder.silent_since === undefined ? {} : { silent_since: holder.silent_since }),
    addresses: holder.addresses,
    reservation: holder.reservation,
  };
  return [answerText(cutValue(value, SHORT, FINDING_CHARACTERS).value)];
}
