import { connect } from 'node:net';
import { packMessage } from '../../protocol/index.js';
import { TOPIC } from '../clients/wire-formats.js';
import { mqttConnect, mqttPublish } from '../clients/mqtt-reader.js';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Sent } from '../sent.js';

export interface BrokerPlan {
  readonly broker: 'nats' | 'mqtt';
  readonly port: number;
  readonly messages: number;
  readonly bytes: number;
}

function natsMessage(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`PUB ${TOPIC} ${String(payload.length)}\r\n`), payload, Buffer.from('\r\n')]);
}

/** Publishes all messages to a broker at once, over plain TCP. They are packed beforehand. */
await runProgram(async ({ broker, port, messages, bytes }: BrokerPlan) => {
  const hello = broker === 'nats' ? Buffer.from('CONNECT {"verbose":false}\r\n') : mqttConnect('bench-publisher');
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.on('error', reject).on('connect', resolve));
  socket.setNoDelay(true).resume().write(hello);
  const packed = Array.from({ length: messages }, (_, seq) => {
    const id = `burst-${String(seq).padStart(7, '0')}`;
    const payload = packMessage([seq + 200, 1, 1, id, Date.now(), benchRecord(id, seq, bytes)]);
    return broker === 'nats' ? natsMessage(payload) : mqttPublish(TOPIC, payload);
  });
  const everything = Buffer.concat(packed);
  const burst = (): Sent => {
    const startedAtMs = monotonicMs();
    socket.write(everything);
    return { startedAtMs, atMs: packed.map(() => startedAtMs) };
  };
  return { ready: true, calls: { burst }, stop: () => socket.destroy() };
});
