import { hostname } from 'node:os';
import { isJsonObject } from '../../protocol/index.js';

/** The process that publishes. */
export interface Identity {
  readonly origin: string;
  readonly host: string;
  readonly pid: number;
  readonly root: string;
}

/** A process and its host. */
export type ProcessPlace = Pick<Identity, 'host' | 'pid'>;

export const identityOf = (
  origin: string,
  root: string,
  { host, pid }: ProcessPlace = { host: hostname(), pid: process.pid },
): Identity => ({ origin, host, pid, root });

/** Any client of NATS may answer, so only what an origin can have said counts: what is none must not keep the stream. */
export function readIdentity(value: unknown): Identity | undefined {
  if (!isJsonObject(value)) return undefined;
  const { origin, host, pid, root } = value as Partial<Record<keyof Identity, unknown>>;
  const isText = (part: unknown): part is string => typeof part === 'string';
  if (!isText(origin) || !isText(host) || !isText(root) || !Number.isSafeInteger(pid)) return undefined;
  return { origin, host, pid: pid as number, root };
}
