import { randomUUID } from 'node:crypto';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Address, LeaseForm, RunSituation } from '../../../protocol/index.js';
import { findEndpoint, type Endpoint } from '../../../server/repository/index.js';
import { BusError } from '../../sdk/bus-error.js';
import { httpUrl } from '../../sdk/bus-url.js';
import { proveServer } from '../../sdk/server-proof.js';

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

/** Asks over a proven connection. @throws BusError if no server proves that it knows the token; Error if its answer is an error. */
async function ask(
  endpoint: Endpoint,
  { addresses, branch, run }: RequestParameters,
  signal: AbortSignal,
): Promise<HoldersAnswer> {
  const { url, token } = endpoint;
  const agent = await proveServer(url, token, {}, signal).catch((error: unknown) => {
    if (error instanceof BusError || signal.aborted) throw error;
    throw new BusError('unreachable', 'nobody answers', '', { cause: error });
  });
  const named = [...addresses.map((address) => ['address', address]), ['branch', branch], ['run_id', run]] as const;
  const query = named.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encodeURIComponent(value)}`));
  try {
    const place = `${httpUrl(url)}/holders?${query.join('&')}`;
    const response = await responseOf(place, { agent, signal, headers: { authorization: `Bearer ${token}` } });
    const text = await bodyOf(response);
    if (response.statusCode === 200) return JSON.parse(text) as HoldersAnswer;
    throw new Error(`the bus answers ${String(response.statusCode)}: ${text.trim().slice(0, 200)}`);
  } finally {
    agent.destroy();
  }
}

function responseOf(place: string, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(place, options, resolve).on('error', reject);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer of the bus is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
