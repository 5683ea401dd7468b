import { randomUUID } from 'node:crypto';
import type { Address, LeaseForm, RunSituation } from '../../../protocol/index.js';
import { findEndpoint, type Endpoint } from '../../../server/repository/index.js';
import { BusError } from '../../sdk/bus-error.js';
import { httpUrl } from '../../sdk/bus-url.js';
import { MAX_PROOF_BYTES, ServerChallenge } from '../../sdk/server-challenge.js';
import { HttpConnection } from './http-connection.js';

/** The most addresses in one request, because a server may refuse a longer url. */
const ADDRESSES_PER_REQUEST = 20;
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/** What a server says about the holders of several addresses together. */
export interface ServerHolding {
  readonly holders: readonly LeaseForm[];
  /** Why there may be more holders: so many reservations never could be read; 0 if not all can be seen. `undefined` if the list is complete. */
  readonly unread: number | undefined;
  /** What concerns the run that the question named. */
  readonly situation: RunSituation | undefined;
  /** The server's clock, Unix milliseconds. */
  readonly now: number;
}

interface Question {
  readonly root: string;
  readonly addresses: readonly Address[];
  /** Only leases on this branch, and those without a branch. */
  readonly branch?: string | undefined;
  /** The run whose situation is asked for too. */
  readonly run?: string | undefined;
}

/** The answer of `/holders`, as in docs/HTTP.md. */
interface HoldersAnswer {
  readonly free?: 'yes' | 'no' | 'unknown';
  /** Whether all reservations could be seen and read. A server of an earlier version does not say it. */
  readonly is_complete?: boolean;
  readonly holders: readonly LeaseForm[];
  readonly unread?: readonly string[];
  readonly run?: RunSituation;
  readonly now: string;
}

/**
 * Asks the repository's server by HTTP, which needs no client.
 * @returns `undefined` if no server of this user runs, or it does not serve plain HTTP; the caller must then ask in another way.
 */
export async function askServer(
  { root, addresses, branch, run }: Question,
  signal: AbortSignal,
): Promise<ServerHolding | undefined> {
  const found = findEndpoint(root);
  if (found.is !== 'living' || !found.endpoint.url.startsWith('ws:')) return undefined;
  const { endpoint } = found;
  const texts = addresses.map(({ text }) => text);
  const answers: HoldersAnswer[] = [];
  try {
    for (let from = 0; from < texts.length; from += ADDRESSES_PER_REQUEST)
      answers.push(
        await ask(
          endpoint,
          { addresses: texts.slice(from, from + ADDRESSES_PER_REQUEST), branch, run: from === 0 ? run : undefined },
          signal,
        ),
      );
    // Of such a server, the answer `no` does not tell whether all reservations can be seen. That about a random address, which no lease holds, does.
    if (answers.every(({ free, is_complete: isComplete }) => free === 'no' && isComplete === undefined)) {
      const nobodys = `${randomUUID()}.none`;
      const about = { addresses: [nobodys], branch, run: texts.length === 0 ? run : undefined };
      answers.push(await ask(endpoint, about, signal));
    }
  } catch (error) {
    if (error instanceof BusError) return undefined;
    throw error;
  }
  const holders = new Map(answers.flatMap((answer) => answer.holders.map((holder) => [holder.reservation, holder])));
  const unread = new Set(answers.flatMap((answer) => answer.unread ?? []));
  const isUnknown = answers.some((answer) => answer.free === 'unknown' || answer.is_complete === false);
  return {
    holders: [...holders.values()],
    situation: answers.find((answer) => answer.run !== undefined)?.run,
    unread: unread.size > 0 || isUnknown ? unread.size : undefined,
    now: Math.min(...answers.map(({ now }) => Date.parse(now))),
  };
}

interface RequestParameters {
  readonly addresses: readonly string[];
  readonly branch: string | undefined;
  readonly run: string | undefined;
}

/**
 * Asks over a connection whose server has proved that it knows the token: the token is sent on no other. @throws BusError if no server proves
 * it, or the connection ends; Error if the answer is an error.
 */
async function ask(
  { url, token }: Endpoint,
  { addresses, branch, run }: RequestParameters,
  signal: AbortSignal,
): Promise<HoldersAnswer> {
  const named = [...addresses.map((address) => ['address', address]), ['branch', branch], ['run_id', run]] as const;
  const query = named.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encoded(value)}`));
  const base = httpUrl(url);
  const path = new URL(base).pathname.replace(/\/$/, '');
  const connection = new HttpConnection(base, signal);
  try {
    await prove(connection, path, new ServerChallenge(url, token), signal);
    const headers = { authorization: `Bearer ${token}`, connection: 'close' };
    const { status, body } = await connection.get(`${path}/holders?${query.join('&')}`, headers, MAX_ANSWER_BYTES);
    if (status === 200) return JSON.parse(body) as HoldersAnswer;
    throw new Error(`the bus answers ${String(status)}: ${body.trim().slice(0, 200)}`);
  } finally {
    connection.close();
  }
}

/** A harness may name a file by half of a surrogate pair, which no url can have; no lease can have it either. */
const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

async function prove(
  connection: HttpConnection,
  path: string,
  challenge: ServerChallenge,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { status, body } = await connection.get(`${path}${challenge.path}`, {}, MAX_PROOF_BYTES);
    challenge.check(status, body);
  } catch (error) {
    if (error instanceof BusError || signal.aborted) throw error;
    throw new BusError('unreachable', 'nothing answers', '', { cause: error });
  }
}
