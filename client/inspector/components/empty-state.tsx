import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { formatCount } from '../model/format.js';
import { readAddress, isExtension } from '../page/address-bar.js';
import { send } from '../page/worker-client.js';
import type { Paint } from '../worker/paint.js';

export interface EmptyStateProps {
  readonly name: string;
  readonly title: string;
  readonly children: ComponentChildren;
  readonly asksForAddress?: boolean;
}

/** Takes the place of a view that has nothing to show. Says why, and what to do. */
export function EmptyState({ name, title, children, asksForAddress }: EmptyStateProps) {
  return (
    <div class="empty-state" data-empty-state={name} role={name === 'loading' ? 'status' : undefined}>
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
        if (address) send({ type: 'connect', ...address });
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
            : 'This is not an address of this server. To inspect another server, open the address that it prints.'}
        </p>
      ) : null}
    </form>
  );
}

/** Returns the empty state of a connection that has nothing to show yet; `undefined` if there is something to show. */
export function connectionEmptyState({ connection, summary }: Paint): EmptyStateProps | undefined {
  switch (connection.state) {
    case 'no-token':
      return {
        name: 'no-token',
        title: 'This page needs the token of the bus',
        asksForAddress: true,
        children: (
          <p>
            Open the address that <code>muse-bus serve</code> prints; it ends in <code>#token=…</code>. The token is
            also in <code>.muse/bus/endpoint.json</code>. The page keeps it until its last tab is closed, and then shows
            what the link points to.
          </p>
        ),
      };
    case 'refused':
      return {
        name: 'refused',
        title: 'Authentication failed: invalid token',
        asksForAddress: true,
        children: (
          <p>
            The server is running, but the token belongs to another bus or has been replaced, as it is after a server
            was killed. Open the address that <code>muse-bus serve</code> printed last, or paste the token from{' '}
            <code>.muse/bus/endpoint.json</code>.
          </p>
        ),
      };
    case 'connecting':
      return { name: 'connecting', title: 'Connecting…', children: <p>Requesting the records from the bus.</p> };
    case 'loading':
      return {
        name: 'loading',
        title: 'Loading the snapshot…',
        children: <p>{formatCount(connection.records)} records so far.</p>,
      };
    case 'lost':
      if (summary.records > 0) return undefined;
      return {
        name: 'lost',
        title: 'The bus cannot be reached',
        asksForAddress: isExtension(),
        children: (
          <>
            <p>The page tries again every few seconds and loads as soon as the bus answers. Meanwhile, check:</p>
            <ol>
              {isExtension() ? (
                <li>
                  Does the bus allow this panel? Start it with <code>--allow-origin {location.origin}</code>
                </li>
              ) : null}
              <li>
                Is the bus running? Start it in the repository: <code>muse-bus serve</code>
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

/** Returns the empty state of a repository without records. */
export function noRecordsEmptyState({ summary, capture, connection }: Paint): EmptyStateProps | undefined {
  if (summary.records > 0 || capture.hasEvents) return undefined;
  return {
    name: 'empty',
    title: connection.state === 'file' ? 'This file contains no events' : 'No records yet',
    children:
      connection.state === 'file' ? (
        <p>
          A file must contain one JSON event a line, as <code>muse-bus watch --json</code> and <em>Export</em> write it.
        </p>
      ) : (
        <>
          <p>
            Watching <code>.muse/coordination/</code>, which contains no records yet. Agents appear here as soon as they
            reserve something.
          </p>
          <p>
            To see simulated agents: <code>muse-bus demo</code>
          </p>
        </>
      ),
  };
}
