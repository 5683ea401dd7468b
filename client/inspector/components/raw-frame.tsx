import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatBytes } from '../model/format.js';
import { hexLines } from '../model/hex.js';
import { visible } from '../model/visible.js';
import { ask } from '../page/port.js';
import type { RawFrame } from '../worker/messages.js';
import { JsonTree } from './json-tree.js';

/** Bytes shown; a snapshot's frame may have a million. */
const MOST = 4_096;

/** The bytes an event came in, in hex and decoded. */
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
  if (!frame.value) return <p class="muted">Looking for it…</p>;
  const { what, bytes, decoded } = frame.value;
  return (
    <>
      <p class="muted">
        {what === 'frame'
          ? `The frame as it was received, ${formatBytes(bytes.length)}.`
          : 'The frame is no longer held; this is the event alone, written again.'}
      </p>
      <pre class="hex" tabIndex={0} aria-label="Bytes in hex">
        {hexLines(bytes.subarray(0, MOST)).join('\n')}
        {bytes.length > MOST ? `\n… ${formatBytes(bytes.length - MOST)} more` : ''}
      </pre>
      <div class="json">
        <JsonTree value={decoded} />
      </div>
    </>
  );
}
