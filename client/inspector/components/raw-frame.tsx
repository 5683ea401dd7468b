import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatBytes } from '../model/format.js';
import { visible } from '../model/visible.js';
import { ask } from '../page/worker-client.js';
import type { RawFrame } from '../worker/messages.js';
import { JsonTree } from './json-tree.js';

/** The most bytes that are shown: the frame of a snapshot may have a million. */
const MAX_SHOWN_BYTES = 4_096;

/** The bytes of an event's frame, in hex and decoded. */
export function RawFrameView({ recordKey, revision }: { recordKey: string; revision: number }) {
  const frame = useSignal<RawFrame | undefined>(undefined);
  const failure = useSignal('');
  useEffect(() => {
    ask({ about: 'raw', key: recordKey, revision }).then(
      (found) => (frame.value = found),
      (error: unknown) => (failure.value = error instanceof Error ? error.message : String(error)),
    );
  }, [recordKey, revision]);
  if (failure.value !== '') return <p class="muted">{visible(failure.value, 200)}</p>;
  if (!frame.value) return <p class="muted">Loading…</p>;
  const { what, bytes, decoded } = frame.value;
  return (
    <>
      <p class="muted">
        {what === 'frame'
          ? `The frame as it was received: ${formatBytes(bytes.length)}.`
          : 'The frame is no longer kept. This is the event alone, encoded again.'}
      </p>
      <pre class="hex" tabIndex={0} aria-label="Bytes in hex">
        {hexLines(bytes.subarray(0, MAX_SHOWN_BYTES)).join('\n')}
        {bytes.length > MAX_SHOWN_BYTES ? `\n… ${formatBytes(bytes.length - MAX_SHOWN_BYTES)} more` : ''}
      </pre>
      <div class="json">
        <JsonTree value={decoded} />
      </div>
    </>
  );
}

const BYTES_PER_LINE = 8;

/** Returns bytes as lines of offset, hex and text. */
function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    const part = [...bytes.subarray(at, at + BYTES_PER_LINE)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(BYTES_PER_LINE * 3 - 1)}  ${text}`);
  }
  return lines;
}
