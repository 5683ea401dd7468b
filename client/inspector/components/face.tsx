import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { formatCount } from '../model/format.js';
import { readAddress, isExtension } from '../page/address-bar.js';
import { tell } from '../page/port.js';
import type { Paint } from '../worker/paint.js';

export interface FaceProps {
  readonly name: string;
  readonly title: string;
  readonly children: ComponentChildren;
  readonly asksForAddress?: boolean;
}

/** What stands in place of a view that has nothing to show, and what to do about it. */
export function Face({ name, title, children, asksForAddress }: FaceProps) {
  return (
    <div class="face" data-face={name} role={name === 'loading' ? 'status' : undefined}>
      <h2>{title}</h2>
      {children}
      {asksForAddress ? <AddressForm /> : null}
    </div>
  );
}

function AddressForm() {
  const text = useSignal('');
  const failed = useSignal(false);
  return (
    <form
      class="address-form"
      onSubmit={(event) => {
        event.preventDefault();
        const address = readAddress(text.value);
        failed.value = !address;
        if (address) tell({ type: 'connect', ...address });
      }}
    >
      <label for="address">{isExtension() ? 'Address' : 'Address or token'}</label>
      <input
        id="address"
        type="text"
        spellcheck={false}
        autocomplete="off"
        placeholder="http://127.0.0.1:6873/#token=…"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <button class="primary">Connect</button>
      {failed.value ? (
        <p class="filter-error" role="alert">
          {isExtension()
            ? 'Paste the whole address that muse-bus serve prints.'
            : 'That is no address of this server. Open the printed address itself to look at another one.'}
        </p>
      ) : null}
    </form>
  );
}

/** The face of a connection that shows nothing yet; `undefined` where there is something to show. */
export function linkFace({ link, head }: Paint): FaceProps | undefined {
  switch (link.state) {
    case 'no-token':
      return {
        name: 'no-token',
        title: 'This page needs the bus’s token',
        asksForAddress: true,
        children: (
          <p>
            Open the address that <code>muse-bus serve</code> prints; it ends in <code>#token=…</code>. The token is
            also in <code>.muse/bus/endpoint.json</code>. It is kept for this tab only.
          </p>
        ),
      };
    case 'refused':
      return {
        name: 'refused',
        title: 'The bus did not accept this token',
        asksForAddress: true,
        children: (
          <p>
            The server answers, so it is running; the token is another bus’s, or has been replaced. Open the address
            that <code>muse-bus serve</code> printed last, or paste the token from <code>.muse/bus/endpoint.json</code>.
          </p>
        ),
      };
    case 'connecting':
      return { name: 'connecting', title: 'Connecting…', children: <p>Asking the bus for its records.</p> };
    case 'loading':
      return {
        name: 'loading',
        title: 'Loading the snapshot…',
        children: <p>{formatCount(link.records)} records so far.</p>,
      };
    case 'lost':
      if (head.records > 0) return undefined;
      return {
        name: 'lost',
        title: 'The bus cannot be reached',
        asksForAddress: isExtension(),
        children: (
          <>
            <p>Trying again every few seconds; this page fills by itself as soon as the bus is back. Meanwhile:</p>
            <ol>
              {isExtension() ? (
                <li>
                  Does it let this panel in? Start it with <code>--allow-origin {location.origin}</code>
                </li>
              ) : null}
              <li>
                Is it running? Start it in the repository: <code>npx muse-bus serve</code>
              </li>
              <li>Is it on another port? Open the address that it prints.</li>
            </ol>
          </>
        ),
      };
    case 'live':
    case 'file':
      return undefined;
  }
}

/** The face of a swarm without a single record. */
export function emptyFace({ head, capture, link }: Paint): FaceProps | undefined {
  if (head.records > 0 || capture.events > 1) return undefined;
  return {
    name: 'empty',
    title: link.state === 'file' ? 'There is no event in this file' : 'No records yet',
    children:
      link.state === 'file' ? (
        <p>
          A file holds one JSON event a line, as <code>muse-bus watch --json</code> or <em>Export</em> writes it.
        </p>
      ) : (
        <>
          <p>
            The bus is well and watches <code>.muse/coordination/</code>, where there is no record. The first agent that
            reserves something appears here within a moment.
          </p>
          <p>
            To see a swarm at work: <code>npx muse-bus demo</code>
          </p>
        </>
      ),
  };
}
