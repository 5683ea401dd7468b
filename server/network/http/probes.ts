import { isIP } from 'node:net';
import { authorityName } from '../../config/authority.js';
import { refuseDoubtfulHead } from '../head-check.js';
import { isReading, json, NOT_READING, text } from '../reply.js';
import { withSecurityHeaders } from '../security-headers.js';
import { findHeaders, type HttpAnswer, type HttpReply, type RequestHead } from '../transport.js';
import { ParameterError } from './parameters.js';
import type { Route } from './route.js';

export interface ProbeServices {
  readonly metrics: Route;
  /** Names that a Host header may have beside addresses, without a port. */
  readonly hosts: readonly string[];
  /** The answer to `/readyz`, of the process or of one repository; `undefined` if none is served below this path. */
  readiness(below: string): HttpReply | undefined;
}

/** The paths of the port of probes. Each repository of several has the second below its own path, too. */
export const PROBE_PATHS = ['/livez', '/readyz', '/metrics'] as const;

/** Answers a request on the port of probes, where neither a token nor a certificate is asked for. */
export function answerProbe(request: RequestHead, services: ProbeServices): HttpAnswer {
  return withSecurityHeaders(refuseDoubtfulHead(request) ?? refuseName(request, services) ?? route(request, services));
}

/**
 * A page reaches a server that is not its own only by a name that it has made resolve to it, and that name is then the Host. Orchestrators
 * send the address of a pod, which nobody knows beforehand.
 */
function refuseName(request: RequestHead, { hosts }: ProbeServices): HttpReply | undefined {
  const [host, ...others] = findHeaders(request, 'host');
  const name = host === undefined ? undefined : authorityName(host);
  const isKnown = name !== undefined && (isAddress(name) || name === 'localhost' || hosts.includes(name));
  if (isKnown && others.length === 0) return undefined;
  return text(403, 'host not allowed: probes come with an address, or with a name of --allow-host');
}

const isAddress = (name: string): boolean => isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;

function route(request: RequestHead, { metrics, readiness }: ProbeServices): HttpAnswer {
  const { path } = request;
  if (!isReading(request)) return NOT_READING;
  switch (path) {
    case '/livez':
      return json(200, { status: 'ok' });
    case '/metrics':
      return scrape(request, metrics);
    default:
      return (path.endsWith('/readyz') ? readiness(path.slice(0, -'/readyz'.length)) : undefined) ?? NOTHING;
  }
}

const NOTHING = text(404, `nothing at this path; there are ${PROBE_PATHS.join(', ')}`);

function scrape(request: RequestHead, metrics: Route): HttpAnswer {
  try {
    return metrics(request);
  } catch (error) {
    if (error instanceof ParameterError) return text(400, error.message);
    throw error;
  }
}
