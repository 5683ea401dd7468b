import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isAbsolute } from 'node:path';
import { closestMatch, parseQueryString } from '../../../protocol/index.js';
import { BoundedBytes } from '../../sdk/bounded-bytes.js';
import { CliError, toCliError } from '../cli-error.js';
import type { Text } from '../terminal/terminal-text.js';
import { FORMS, outcomeOf, type AgentHarness, type HookSettings } from './outcome.js';
import { readWhenUnknown } from './when-unknown.js';

/** The bounds of a request. Sizes in bytes, times in milliseconds. */
const MAX_INPUT_BYTES = 16 * 2 ** 20;
const MAX_AT_ONCE = 16;
const MAX_CONNECTIONS = 64;
const BOUNDS = { headersTimeout: 5_000, requestTimeout: 15_000, maxHeaderSize: 10_240 };

const BEGIN = '/hooks/';
const PARAMETERS = ['run_id', 'branch', 'when_unknown'] as const;

export interface HttpHooksOptions {
  /** The token that every request must carry. */
  readonly token: string;
  /** The repository, if it is not the one around the directory that the input names. */
  readonly root?: string | undefined;
  readonly warn: (line: Text) => void;
}

/** A refusal, with its status of HTTP. */
class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The hook for harnesses that send HTTP: `POST /hooks/HARNESS` with the harness's JSON, and the answer that the command prints. It runs
 * beside the agents, because it looks at their files, and it listens on this machine alone. The server of the bus takes no requests with
 * a body, so this is a process of its own.
 */
export class HttpHooks {
  readonly #server: Server;
  readonly #tokenHash: Buffer;
  #running = 0;

  constructor(private readonly options: HttpHooksOptions) {
    this.#tokenHash = hashOf(options.token);
    this.#server = createServer(BOUNDS, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @returns its url. @throws Error with code EADDRINUSE if the port is taken. */
  async start(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '127.0.0.1', port }, resolve);
    });
    return `http://127.0.0.1:${String(this.#port)}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that has gone needs no answer.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    try {
      const json = await this.#answer(request);
      // An empty answer means that the hook has nothing to say.
      send(response, 200, json === undefined ? '' : JSON.stringify(json));
    } catch (error) {
      const status = error instanceof Refused ? error.status : error instanceof CliError ? 400 : 500;
      send(response, status, JSON.stringify({ error: toCliError(error).message }));
    }
  }

  async #answer(request: IncomingMessage): Promise<object | undefined> {
    const { harness, settings } = this.#admit(request);
    if (this.#running >= MAX_AT_ONCE) throw new Refused(503, 'too many hooks run at once; try again');
    this.#running++;
    try {
      const form = FORMS[harness];
      const body = new BoundedBytes(
        MAX_INPUT_BYTES,
        () => new Refused(413, `the input has more than ${String(MAX_INPUT_BYTES)} bytes`),
      );
      const input = readForm(harness, (await body.addAll(request)).text);
      const { root, warn } = this.options;
      if (input.directory === undefined ? root === undefined : !isAbsolute(input.directory))
        throw new Refused(400, 'the input names no working directory: cwd must be an absolute path');
      try {
        const given = input.directory === undefined ? { ...input, directory: root } : input;
        return form.answer(input, await outcomeOf(harness, given, settings, warn)).json;
      } catch (error) {
        // A harness goes on after an error, so an edit that must not go on is denied in so many words.
        if (settings.whenUnknown === 'pass' || !input.call.is.startsWith('before')) throw error;
        return form.answer(input, { is: 'denied', text: `muse-bus: ${toCliError(error).message}` }).json;
      }
    } finally {
      this.#running--;
    }
  }

  /** Checks everything but the body. @throws Refused */
  #admit(request: IncomingMessage): { readonly harness: AgentHarness; readonly settings: HookSettings } {
    const { headersDistinct, method, url = '/' } = request;
    // One that is given twice counts as not given: programs disagree about which of the two is meant.
    const header = (name: string): string => {
      const values = headersDistinct[name] ?? [];
      return values.length === 1 ? values[0]! : '';
    };
    const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${String(this.#port)}`);
    if (!hosts.includes(header('host'))) throw new Refused(403, `the Host must be ${hosts.join(' or ')}`);
    if (headersDistinct['origin'] !== undefined) throw new Refused(403, 'pages may not call hooks');
    const token = /^Bearer (\S+)$/.exec(header('authorization'))?.[1] ?? '';
    if (!timingSafeEqual(hashOf(token), this.#tokenHash))
      throw new Refused(401, 'send the token that was printed at the start: Authorization: Bearer …');
    const { pathname, search } = new URL(url, 'http://localhost');
    const harness = harnessOf(pathname);
    if (method !== 'POST') throw new Refused(405, 'only POST');
    if (!/^application\/json(?:;|$)/i.test(header('content-type')))
      throw new Refused(415, 'the content-type must be application/json');
    const given = readParameters(search.slice(1));
    return {
      harness,
      settings: {
        runId: given.get('run_id'),
        branch: given.get('branch'),
        whenUnknown: readWhenUnknown(given.get('when_unknown'), 'when_unknown'),
        root: this.options.root,
        // The agent's environment is not this process's.
        env: {},
      },
    };
  }
}

function harnessOf(path: string): AgentHarness {
  const names = Object.keys(FORMS) as AgentHarness[];
  const found = names.find((name) => path === BEGIN + name);
  if (found !== undefined) return found;
  const paths = names.map((name) => BEGIN + name);
  const best = closestMatch(path, paths);
  throw new Refused(404, best === undefined ? `there are ${paths.join(', ')}` : `did you mean ${best}?`);
}

function readParameters(query: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const { name, value } of parsed(query)) {
    if (!PARAMETERS.some((known) => known === name)) {
      const best = closestMatch(name, PARAMETERS);
      const hint = best === undefined ? `there are ${PARAMETERS.join(', ')}` : `did you mean ${best}?`;
      throw new Refused(400, `there is no parameter ${JSON.stringify(name.slice(0, 40))}; ${hint}`);
    }
    if (value === '' || given.has(name)) throw new Refused(400, `${name} must be given once, with a value`);
    given.set(name, value);
  }
  return given;
}

function parsed(query: string): ReturnType<typeof parseQueryString> {
  try {
    return parseQueryString(query);
  } catch (error) {
    throw new Refused(400, (error as Error).message);
  }
}

function readForm(harness: AgentHarness, text: string): ReturnType<(typeof FORMS)[AgentHarness]['read']> {
  try {
    return FORMS[harness].read(JSON.parse(text));
  } catch (error) {
    throw new Refused(400, `this is no input of ${harness}: ${(error as Error).message.slice(0, 200)}`);
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // A refusal may leave a part of the body unread.
    ...(status === 200 ? {} : { connection: 'close' }),
  });
  response.end(body);
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
