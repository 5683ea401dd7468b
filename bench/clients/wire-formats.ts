import { MessageType, packMessage, SUBPROTOCOLS, type FilterInput } from '../../protocol/index.js';
import { MqttReader, mqttConnect, mqttSubscribe } from './mqtt-reader.js';
import { NatsReader } from './nats-reader.js';
import { BusReader, PackedReader } from './payload-reader.js';
import type { WireFormat } from './raw-socket.js';

/** The server that counting clients connect to, and its protocol. */
export type CountedSource =
  | {
      readonly is: 'bus';
      readonly url: string;
      readonly token: string;
      readonly filter?: FilterInput;
      /** @default 'none' */
      readonly snapshot?: 'full' | 'none';
      /** The cursor after which each connection continues. @default none */
      readonly since?: string;
    }
  /** Only the connection, no subscription. */
  | { readonly is: 'bus-unsubscribed'; readonly url: string; readonly token: string }
  | { readonly is: 'packed' | 'nats' | 'mqtt'; readonly url: string };

/** The subject or topic that everything is published on. */
export const TOPIC = 'events';

/** Returns the format of a source. @param n the number of the connection, for which `#` in a filter's values stands. */
export function wireFormatOf(source: CountedSource, n: number): WireFormat {
  switch (source.is) {
    case 'bus': {
      const filter = source.filter && (JSON.parse(JSON.stringify(source.filter).replaceAll('#', String(n))) as object);
      const { snapshot = 'none', since } = source;
      const options = { snapshot, ...(filter ? { filter } : {}), ...(since === undefined ? {} : { since }) };
      return {
        headers: busHeaders(source.token),
        greeting: [packMessage([MessageType.subscribe, 1, options])],
        reader: () => new BusReader(),
      };
    }
    case 'bus-unsubscribed':
      return { headers: busHeaders(source.token), greeting: [], reader: () => new PackedReader() };
    case 'packed':
      return { headers: [], greeting: [], reader: () => new PackedReader() };
    case 'nats': {
      const hello = `CONNECT {"verbose":false,"pedantic":false,"headers":false}\r\nSUB ${TOPIC} 1\r\nPING\r\n`;
      return { headers: [], greeting: [Buffer.from(hello)], reader: () => new NatsReader() };
    }
    case 'mqtt':
      return {
        headers: ['Sec-WebSocket-Protocol: mqtt'],
        greeting: [mqttConnect(`bench-${String(process.pid)}-${String(n)}`), mqttSubscribe(TOPIC)],
        reader: () => new MqttReader(),
      };
  }
}

const busHeaders = (token: string): string[] => [
  `Sec-WebSocket-Protocol: ${SUBPROTOCOLS.msgpack}`,
  `Authorization: Bearer ${token}`,
];
