import { VERSION } from '../../protocol/index.js';
import type { PrivateDirectory } from './private-directory.js';
import { ownProcess, type ProcessProof } from './process-proof.js';
import { parseServedRepository, type ServedRepository } from './served-repository.js';

/** The content of `endpoint.json`: the url of a bus, its token, and the process that serves it. */
export interface Endpoint extends ProcessProof {
  /** The url of the WebSocket; HTTP is served at the same host and port. */
  readonly url: string;
  readonly token: string;
  readonly version: string;
  /** ISO 8601 UTC. */
  readonly started_at: string;
  /** The repository that the server watches; absent for an edge. */
  readonly repository?: ServedRepository;
}

export const ENDPOINT_FILE = 'endpoint.json';
export const MAX_ENDPOINT_BYTES = 4_096;
const MAX_TOKEN_LENGTH = 512;

/** Returns the endpoint of a server in this process. */
export function ownEndpoint(url: string, token: string, startedAt: Date, repository?: ServedRepository): Endpoint {
  const named = repository === undefined ? {} : { repository };
  return { url, token, ...ownProcess(), version: VERSION, started_at: startedAt.toISOString(), ...named };
}

export const endpointText = (endpoint: Endpoint): string => `${JSON.stringify(endpoint, null, 2)}\n`;

/** Parses an endpoint file, which may have come with a checkout. @returns `undefined` if it is not valid. */
export function parseEndpoint(text: string): Endpoint | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const { url, token, pid, uid, boot_id, process_started, pid_namespace, version, started_at } = fields;
  const repository = parseServedRepository(fields['repository']);
  if (typeof url !== 'string' || !isBusUrl(url) || !isHeaderText(token)) return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  return {
    url,
    token,
    pid,
    ...(typeof uid === 'number' ? { uid } : {}),
    ...(typeof boot_id === 'string' ? { boot_id } : {}),
    ...(typeof process_started === 'string' ? { process_started } : {}),
    ...(typeof pid_namespace === 'string' ? { pid_namespace } : {}),
    version: String(version),
    started_at: String(started_at),
    ...(repository === undefined ? {} : { repository }),
  };
}

/** Reads the endpoint in a directory. @returns `undefined` if there is none that is valid and private. */
export function endpointIn(directory: PrivateDirectory): Endpoint | undefined {
  const found = directory.read(ENDPOINT_FILE, MAX_ENDPOINT_BYTES);
  return found.is === 'content' ? parseEndpoint(found.text) : undefined;
}

/** Whether a url is `ws://host` or `wss://host` with an optional port and path: no character is special to a terminal or a header. */
function isBusUrl(url: string): boolean {
  return /^wss?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?(\/[a-z0-9_-]{1,64})?$/i.test(url) && URL.canParse(url);
}

function isHeaderText(token: unknown): token is string {
  return typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token);
}
