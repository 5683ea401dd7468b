import { WebSocket } from 'ws';
import { EVENT_TYPES, MessageType, SUBPROTOCOLS, unpackMessage, type WireEvent } from '../../protocol/index.js';
import { packMessage } from '../../protocol/index.js';
import type { OpenFeed, See } from './feed.js';

const REMOVED = EVENT_TYPES.indexOf('removed');

function seeEvent(see: See, [, type, , id, , data]: WireEvent): void {
  see({ id, isRemoved: type === REMOVED, seq: data['seq'] as number | undefined });
}

/** Subscribes to everything on the bus without the SDK, and decodes every frame. */
export function busFeed(url: string, token: string): OpenFeed {
  return async (_root, see) => {
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { headers: { authorization: `Bearer ${token}` } });
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send(packMessage([MessageType.subscribe, 1, { snapshot: 'none' }])));
      socket.on('message', (payload: Buffer) => {
        const message = unpackMessage(payload) as readonly [number, number, number, readonly WireEvent[]];
        if (message[0] === MessageType.events) for (const event of message[3]) seeEvent(see, event);
        else if (message[0] === MessageType.synced) resolve();
      });
    });
    return () => socket.terminate();
  };
}

/** Reads from a server that sends every client one packed event per message. */
export function packedFeed(url: string): OpenFeed {
  return async (_root, see) => {
    const socket = new WebSocket(url);
    socket.on('message', (payload: Buffer) => seeEvent(see, unpackMessage(payload) as WireEvent));
    await new Promise<void>((resolve, reject) => socket.on('error', reject).on('open', resolve));
    return () => socket.terminate();
  };
}
