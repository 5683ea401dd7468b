import fc from 'fast-check';
import t from 'tap';
import { MessageType, packMessage, unpackMessage } from '../../../protocol/index.js';
import { frameOf, withHead, type EventsHead } from '../../../server/delivery/frames.js';

const head: fc.Arbitrary<EventsHead> = fc.record({
  type: fc.constantFrom(MessageType.events, MessageType.batch),
  to: fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(0xffff_ffff)),
  first: fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(0xffff_ffff), fc.maxSafeNat()),
});
const count = fc.integer({ min: 1, max: 20 });
const event = { msgpack: packMessage([1]), json: Buffer.from('[1]') };

t.test('a frame is its head and its events, under every head', async (t) => {
  for (const encoding of ['msgpack', 'json'] as const) {
    const decode = (frame: Uint8Array): unknown =>
      encoding === 'msgpack' ? unpackMessage(frame) : JSON.parse(Buffer.from(frame).toString());
    fc.assert(
      fc.property(head, head, count, (one, other, events) => {
        const all = new Array<Uint8Array>(events).fill(event[encoding]);
        const frame = frameOf(one, all, encoding);
        const message = ({ type, to, first }: EventsHead): unknown => [type, to, first, all.map(() => [1])];
        t.strictSame(decode(frame), message(one));
        t.strictSame(withHead(frame, one, other, events, encoding), frameOf(other, all, encoding));
      }),
      { numRuns: 100 },
    );
  }
});

t.test('the head is as short as its numbers', async (t) => {
  const bytes = (to: number, first: number, events = 1): number =>
    frameOf({ type: MessageType.events, to, first }, new Array<Uint8Array>(events).fill(Buffer.of(0x90)), 'msgpack')
      .length - events;
  t.equal(bytes(1, 0), 5);
  t.equal(bytes(127, 127, 15), 5);
  t.equal(bytes(200, 200), 7);
  t.equal(bytes(1, 65_535, 16), 9);
  t.equal(bytes(1, 65_536), 9);
  t.equal(bytes(0xffff_ffff, Number.MAX_SAFE_INTEGER, 65_536), 21);
  const many = new Array<Uint8Array>(65_536).fill(event.msgpack);
  const frame = frameOf({ type: MessageType.batch, to: 1, first: 1 }, many, 'msgpack');
  t.equal((unpackMessage(frame) as [number, number, number, unknown[]])[3].length, 65_536);
});
