import { isJsonObject } from '../json-object.js';
import type { WireEvent } from './event.js';
import { MessageType } from './message-type.js';
import type { ServerMessage } from './messages.js';

type Check = (fields: readonly unknown[]) => boolean;

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

function isEvent(value: unknown): value is WireEvent {
  if (!Array.isArray(value)) return false;
  const [revision, type, kind, id, timeMs, data, reason, problem, observed] = value as readonly unknown[];
  return (
    isCount(revision) &&
    isCount(type) &&
    isCount(kind) &&
    isText(id) &&
    isCount(timeMs) &&
    isJsonObject(data) &&
    (isAbsent(reason) || isText(reason)) &&
    (isAbsent(problem) || isText(problem)) &&
    (isAbsent(observed) || isText(observed))
  );
}

const areEvents = (value: unknown): boolean => Array.isArray(value) && value.every(isEvent);

/** The required elements of each message. Further elements come from a newer server and are not checked. */
const CHECKS: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [
    MessageType.welcome,
    ([, welcome]) =>
      isJsonObject(welcome) &&
      isCount(welcome['protocol']) &&
      isText(welcome['server']) &&
      isText(welcome['epoch']) &&
      isCount(welcome['revision']) &&
      isCount(welcome['now']) &&
      isCount(welcome['heartbeat_ms']) &&
      isJsonObject(welcome['limits']),
  ],
  [
    MessageType.subscribed,
    ([, sub, group, mode, cursor, why]) =>
      isCount(sub) && isCount(group) && isText(mode) && isText(cursor) && (isAbsent(why) || isText(why)),
  ],
  [MessageType.batch, ([, sub, n, events]) => isCount(sub) && isCount(n) && areEvents(events)],
  [MessageType.synced, ([, sub, revision, index]) => isCount(sub) && isCount(revision) && isCount(index)],
  [MessageType.events, ([, group, index, events]) => isCount(group) && isCount(index) && areEvents(events)],
  [MessageType.complete, ([, sub, reason, delivered]) => isCount(sub) && isText(reason) && isCount(delivered)],
  [MessageType.resync, ([, sub, reason]) => isCount(sub) && isText(reason)],
  [
    MessageType.error,
    ([, sub, code, text, nonce]) =>
      (sub === null || isCount(sub)) && isText(code) && isText(text) && (isAbsent(nonce) || isCount(nonce)),
  ],
  [MessageType.syncDone, ([, nonce, cursor]) => isCount(nonce) && isText(cursor)],
  [MessageType.pong, ([, nonce, now]) => isCount(nonce) && isCount(now)],
  [MessageType.heartbeat, ([, revision, now, health]) => isCount(revision) && isCount(now) && isJsonObject(health)],
  [MessageType.inspection, ([, nonce, value]) => isCount(nonce) && isJsonObject(value)],
]);

/** Whether a decoded value is a valid message from a server. A message of an unknown type passes; a client ignores it. */
export function isServerMessage(value: unknown): value is ServerMessage {
  return Array.isArray(value) && (CHECKS.get(value[0])?.(value) ?? typeof value[0] === 'number');
}
