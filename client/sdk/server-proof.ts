import { Agent as HttpAgent, get as httpGet, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { BoundedBytes } from './bounded-bytes.js';
import { BusError } from './bus-error.js';
import { httpUrl } from './bus-url.js';
import { MAX_PROOF_BYTES, ServerChallenge } from './server-challenge.js';

const ANSWER_MS = 10_000;

/** A connection whose server has proved that it knows the token; it carries one more request. */
export type ProvenConnection = HttpAgent;

/**
 * Makes the server at a url prove that it knows the token, without sending the token. The next request must use the same connection: a
 * second one could reach another program.
 * @returns that connection.
 * @throws BusError `untrusted-endpoint` if the server does not know the token; `unreachable` if it is starting or full; otherwise the
 *   error of the request.
 */
export async function proveServer(
  url: string,
  token: string,
  tls: object,
  signal: AbortSignal,
): Promise<ProvenConnection> {
  const isSecure = new URL(url).protocol === 'wss:';
  const agent = oneConnection(isSecure, tls);
  const challenge = new ServerChallenge(url, token);
  try {
    const { status, body } = await ask(
      `${httpUrl(url)}${challenge.path}`,
      isSecure ? httpsGet : httpGet,
      agent,
      signal,
    );
    challenge.check(status, body);
    return agent;
  } catch (error) {
    agent.destroy();
    throw error;
  }
}

/** An agent that makes one connection only: a second one would not be proven. */
function oneConnection(isSecure: boolean, tls: object): HttpAgent {
  const options: AgentOptions = { ...tls, keepAlive: true, maxSockets: 1, maxTotalSockets: 1 };
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  const create = agent.createConnection.bind(agent);
  let isUsed = false;
  agent.createConnection = (options, made) => {
    if (isUsed) {
      // Passed to the callback, not thrown: the agent calls this function in its own turn, where no caller could catch the error.
      const error = new BusError('unreachable', 'the bus closed the connection', 'try again');
      process.nextTick(() => (made as (error: Error) => void)(error));
      return undefined;
    }
    isUsed = true;
    return create(options, made);
  };
  return agent;
}

function ask(
  place: string,
  get: typeof httpGet,
  agent: HttpAgent,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(place, { agent, signal, timeout: ANSWER_MS }, (response) => {
      const body = new BoundedBytes(MAX_PROOF_BYTES, () => new Error('the answer is too long'));
      body.addAll(response).then(({ text }) => {
        resolve({ status: response.statusCode ?? 0, body: text });
      }, reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${String(ANSWER_MS)} ms`)));
    request.on('error', reject);
  });
}
