import { isDeepStrictEqual } from 'node:util';
import { CloseCode } from '../protocol/index.js';
import type { Clock } from './runtime/clock.js';
import { labelledLog } from './runtime/labelled-log.js';
import type { Log } from './runtime/log.js';
import type { ResolvedRepository } from './config/edge-options.js';
import type { Limits } from './config/options.js';
import { EdgeBus } from './edge-bus.js';
import type { Listener, MountedBus } from './network/listener.js';
import { EdgeFiles } from './relay/edge-files.js';
import type { Endpoint } from './repository/index.js';

/** One repository of an edge: its bus, the path below which it is served, its files and its token. */
export class EdgeService implements MountedBus {
  readonly bus: EdgeBus;
  /** Empty if it is the only one. */
  readonly path: string;
  readonly limits: Limits;
  readonly log: Log;
  readonly labels: Readonly<Record<string, string>>;
  readonly files: EdgeFiles;
  #token = '';
  #endpoint: Endpoint | undefined;

  /** @throws OptionError if a public key is none. */
  constructor(
    private readonly given: ResolvedRepository,
    clock: Clock,
    log: Log,
  ) {
    const { relay, path, endpointFile, tokenFile, options } = given;
    this.path = path;
    this.limits = options.limits;
    // What only one has needs no name. Two origins at different NATS servers may have one name; no two have one path.
    this.labels = path === '' ? {} : { repository: path.slice(1) };
    this.log = path === '' ? log : labelledLog(log, this.labels);
    // Where there are others, a refused access must not end them.
    const gives = path === '' ? 'up-when-refused' : 'never-up';
    this.bus = new EdgeBus(relay, { ...options, gives }, clock, this.log);
    this.files = new EdgeFiles(endpointFile, tokenFile);
  }

  /** Whether this is what another list asks for, so that its clients need not notice. */
  isAs(other: ResolvedRepository): boolean {
    return isDeepStrictEqual(ownOf(this.given), ownOf(other));
  }

  /** The URL and the token for clients; `undefined` until they are accepted. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** @throws OptionError if the file holds no token. */
  readToken(): void {
    this.#token = this.files.token();
  }

  /** Accepts clients from now on, and says where. */
  publish(listener: Listener, at: Date): Endpoint {
    const url = listener.admit(this.#token, this.path);
    this.#endpoint = this.files.publish(url, this.#token, at);
    return this.#endpoint;
  }

  unpublish(): void {
    if (this.#endpoint) this.files.unpublish();
  }

  forget(): void {
    this.#endpoint = undefined;
  }

  /** Reads the token again. If it is another one, the sessions of the old one end. @throws OptionError if the file holds no token. */
  reload(listener: Listener): void {
    const now = this.#endpoint;
    const token = this.files.tokenAgain();
    if (!now) {
      this.#token = token;
      return;
    }
    if (token === now.token) return;
    listener.changeToken(token, this.path);
    this.#token = token;
    this.#endpoint = this.files.publish(now.url, token, new Date(now.started_at));
    this.bus.disconnectAll(CloseCode.unauthorized, 'the token has been changed');
    this.log.info({}, 'token changed');
  }
}

/** What may differ between two repositories of one edge. */
const ownOf = ({ relay, path, endpointFile, tokenFile, options: { limits, maxStalenessMs } }: ResolvedRepository) => ({
  relay,
  path,
  endpointFile,
  tokenFile,
  limits,
  maxStalenessMs,
});
