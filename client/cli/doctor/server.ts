import { KINDS, VERSION, type BusEvent, type WatchHealth } from '../../../protocol/index.js';
import { DEFAULT_LIMITS, type RelayStatus } from '../../../server/index.js';
import type { BusClient } from '../../sdk/bus-client.js';
import { BusError } from '../../sdk/bus-error.js';
import { httpUrl } from '../../sdk/bus-url.js';
import { connect } from '../../sdk/connect.js';
import { findRepositoryBus } from '../../sdk/repository-bus.js';
import { problemText } from '../terminal/event-text.js';
import { toCliError } from '../cli-error.js';
import { note, ok, wrong, type Finding } from './finding.js';
import { duration } from '../terminal/time-text.js';
import { connectToServer } from '../commands/source.js';
import { LIMIT_NAMES } from '../settings/settings.js';
import type { Target } from '../commands/target.js';

/** Countdowns of leases use the server's clock; a larger difference would confuse users. */
const MAX_SKEW_MS = 1_000;
const PROBLEMS_SHOWN = 3;
/** How long an answer is waited for. An edge gives none to this question while its origin is away. */
const ANSWER_MS = 5_000;

/** Examines the running bus, if there is one: whether it answers and watches, the state of its journal, and its clock. */
export async function examineServer({ root, server }: Target): Promise<Finding[]> {
  let client: BusClient;
  let url: string;
  try {
    url = server?.url ?? findRepositoryBus(root ?? process.cwd(), root !== undefined).endpoint.url;
    client = await (server ? connectToServer(server, root) : connect(root === undefined ? {} : { root }));
  } catch (error) {
    if (error instanceof BusError && error.code === 'no-endpoint' && !server) {
      return [
        note('server', 'not running', 'start it with muse-bus serve; without a server, each command reads the files'),
      ];
    }
    const { message, hint } = toCliError(error);
    return [wrong('server', message, hint)];
  }
  try {
    return [...(await examineConnection(client)), ...(await health(url)), await records(client)];
  } finally {
    await client.close();
  }
}

/** Examines an open connection: how soon its server answers, its version, clock and limits. */
export async function examineConnection(client: BusClient): Promise<Finding[]> {
  const startedAt = performance.now();
  // One round trip; the answer also carries the server's clock.
  const isAnswered = await client.sync({ kind: KINDS[0], id: 'doctor' }, { timeoutMs: ANSWER_MS }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof BusError && error.code === 'timeout') return false;
      throw error;
    },
  );
  const roundTrip = performance.now() - startedAt;
  const welcome = client.server!;
  const skew = client.serverNow() - Date.now();
  const about = `version ${welcome.server}, ${welcome.backend}`;
  if (!isAnswered) {
    const found = `${about}, has not answered a barrier within ${String(ANSWER_MS / 1_000)} s`;
    return [wrong('server', found, 'an edge answers none while NATS or its origin is away: what follows says which')];
  }
  const found = `${about}, answers in ${roundTrip.toFixed(1)} ms`;
  return [
    welcome.server === VERSION
      ? ok('server', found)
      : note('server', found, `this command is version ${VERSION}: restart the server, or update`),
    Math.abs(skew) <= MAX_SKEW_MS
      ? ok('clock', `${String(Math.round(skew))} ms apart`)
      : wrong(
          'clock',
          `the server's clock differs by ${String(Math.round(skew))} ms`,
          'synchronise the clocks: NTP, chrony',
        ),
    ok('limits', limitWords(welcome.limits)),
  ];
}

/** Names those that are not at their defaults: the others say nothing about this server. */
function limitWords(limits: Readonly<Record<string, number>>): string {
  const changed = [...LIMIT_NAMES].flatMap(([shown, name]) => {
    const [value, usual] = [limits[shown], DEFAULT_LIMITS[name]];
    return value === undefined || value === usual ? [] : [`${shown} is ${String(value)}, by default ${String(usual)}`];
  });
  return changed.length === 0 ? 'all at their defaults' : changed.join('; ');
}

interface Readiness extends WatchHealth {
  readonly journal?: string;
  /** Why the server may not be given clients; missing while it may. */
  readonly reason?: string;
  readonly relay?: RelayStatus;
}

/** Asks over HTTP and without a token, as an orchestrator does. */
async function health(url: string): Promise<Finding[]> {
  let state: Readiness;
  try {
    const response = await fetch(`${httpUrl(url)}/readyz`);
    state = (await response.json()) as Readiness;
  } catch (error) {
    // Node's fetch accepts a self-signed certificate only with NODE_EXTRA_CA_CERTS.
    return [
      note(
        'readiness',
        `unknown: ${(error as Error).message}`,
        'for a self-signed certificate set NODE_EXTRA_CA_CERTS',
      ),
    ];
  }
  const scanned = `last compared with the files ${duration(Date.now() - state.last_scan_ms)} ago`;
  const advice =
    state.origin === 'away'
      ? 'an edge is well again when NATS and its origin are: does muse-bus doctor at the origin say that it publishes?'
      : "read the server's log; restart the server if it does not recover";
  const findings = [
    ...refusal(state),
    state.healthy
      ? ok('readiness', `healthy (${state.backend}), ${scanned}${missing(state)}${waiting(state)}`)
      : wrong('readiness', `unhealthy (${state.backend})${because(state)}, ${scanned}`, advice),
  ];
  if (state.relay) findings.push(relay(state.relay), ...signing(state.relay));
  // An edge keeps nothing on disk: what it serves is in NATS.
  if (state.origin !== undefined) return findings;
  switch (state.journal) {
    case 'degraded':
      findings.push(
        wrong(
          'durability',
          'the journal cannot be written; the server continues without it',
          "is the disk full? See the server's log",
        ),
      );
      break;
    case 'durable':
      findings.push(ok('durability', 'all delivered events are on disk'));
      break;
    default:
      findings.push(
        note('durability', 'no journal', 'after a restart there is a new epoch, and clients need a new snapshot'),
      );
  }
  return findings;
}

/** What the server finds by comparison only. */
const missing = ({ misses = [], compared_every_ms: every }: Readiness): string =>
  misses.length === 0 ? '' : `; no notification of ${misses.join(', ')}: compared every ${String(every)} ms`;

const refusal = ({ reason }: Readiness): Finding[] =>
  reason === undefined ? [] : [wrong('ready', `clients should go elsewhere: ${reason}`, "read the server's log")];

/** What NATS says, or does not, while its disk or one of its limits is full. */
const FULL = /does not answer|no space|resource|storage|maximum/;

const ADVICE_WHEN_FULL =
  'see the log of nats-server: free its disk, or raise its limits; where it goes on not answering after that, restart it';
const LOOK = "is NATS reachable, and does one origin publish? See the log of this server, and the origin's";
/** By the state of a relay. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  refused: 'NATS answers: see what this user may do there, and the settings of the stream; it is tried again by itself',
  taken: 'end one of the two origins, or give one another name (--relay-repository)',
};

/** An origin's publishing, or an edge's way through the stream. */
function relay({ state, why, sequence, behind, staleness_s }: RelayStatus): Finding {
  const age =
    staleness_s === undefined
      ? ''
      : `, records at most ${staleness_s === null ? 'unknown' : String(staleness_s)} s old`;
  const cause = why === undefined ? '' : ` (${why})`;
  const found = `${state}${cause}, message ${String(sequence)} of the stream, ${String(behind)} events behind${age}`;
  if (state === 'publishing' || state === 'following') return ok('relay', found);
  return wrong('relay', found, why !== undefined && FULL.test(why) ? ADVICE_WHEN_FULL : (ADVICE[state] ?? LOOK));
}

/** Why leases that have run out do not end. */
const waiting = ({ leases_wait: why, leases_wait_until_ms: until }: Readiness): string =>
  why === undefined || until === undefined
    ? ''
    : `; no lease ends for ${duration(Math.max(0, until - Date.now()))}: ${why}`;

/** Whether edges can distinguish the origin's messages from those of others who may write to NATS. */
function signing({ signed, public_key: key }: RelayStatus): Finding[] {
  if (key !== undefined) return [ok('signing', `edges check messages with --relay-public-key ${key}`)];
  if (signed === true) return [ok('signing', 'only messages that the origin has signed are accepted')];
  if (signed === undefined) return [];
  const found =
    'every message in the stream is accepted: any NATS user who may write to it decides what this edge serves';
  return [note('signing', found, 'give --relay-public-key; muse-bus doctor at the origin shows the key')];
}

const because = ({ state, why }: Readiness): string =>
  state === undefined || why === undefined ? '' : `: ${state}, ${why}`;

async function records(client: BusClient): Promise<Finding> {
  const current: BusEvent[] = [];
  for await (const update of client.subscribe().updates()) {
    if (update.type === 'synced') break;
    if (update.type === 'event') current.push(update.event);
  }
  const broken = current.filter((record) => problemText(record) !== '');
  const found = `${String(current.length)} records`;
  if (broken.length === 0) return ok('records', found);
  const shown = broken.slice(0, PROBLEMS_SHOWN).map((record) => `${record.kind} ${record.id}: ${problemText(record)}`);
  const more = broken.length > shown.length ? `, ${String(broken.length - shown.length)} more` : '';
  return wrong(
    'records',
    `${found}, ${String(broken.length)} with a problem: ${shown.join(', ')}${more}`,
    'repair or remove the files',
  );
}
