import type { PayloadReader } from './payload-reader.js';

const PUBLISH = 3;
const SUBACK = 9;

/** Reads MQTT 3.1.1 packets, which may begin anywhere in the WebSocket's frames. */
export class MqttReader implements PayloadReader {
  events = 0;
  isReady = false;
  #type = 0;
  /** Bytes of the packet still to come; `undefined` while its header is being read. */
  #left: number | undefined;
  #headerBytes = 0;
  #length = 0;

  read(buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#left === undefined) {
        this.#readHeaderByte(buffer[at++]!);
      } else {
        const skipped = Math.min(this.#left, to - at);
        this.#left -= skipped;
        at += skipped;
      }
      if (this.#left === 0) this.#endPacket();
    }
  }

  #readHeaderByte(byte: number): void {
    if (this.#headerBytes++ === 0) {
      this.#type = byte >> 4;
      this.#length = 0;
      return;
    }
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2);
    if (byte < 0x80) this.#left = this.#length;
  }

  #endPacket(): void {
    if (this.#type === PUBLISH) this.events++;
    if (this.#type === SUBACK) this.isReady = true;
    this.#left = undefined;
    this.#headerBytes = 0;
  }
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let left = body.length; length.length === 0 || left > 0; left = Math.floor(left / 128)) {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Returns a CONNECT packet: a clean session without keep-alive. */
export function mqttConnect(clientId: string): Buffer {
  return packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)]));
}

/** Returns a SUBSCRIBE packet with QoS 0 (at most once), as the other contenders deliver. */
export function mqttSubscribe(topic: string): Buffer {
  return packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(topic), Buffer.from([0])]));
}

export function mqttPublish(topic: string, payload: Uint8Array): Buffer {
  return packet(0x30, Buffer.concat([text(topic), payload]));
}
