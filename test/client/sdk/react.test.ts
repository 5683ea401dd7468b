import { parseHTML } from 'linkedom';
import { act, createElement, type ReactElement } from 'react';
import { createRoot } from 'react-dom/client';
import t, { type Test } from 'tap';
import { useHolders, useMirror } from '../../../client/sdk/react.js';
import { FakeBus } from '../../../client/sdk/testing.js';

const { window, document } = parseHTML('<!doctype html><html><body><main></main></body></html>');
Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true });

const ADDRESS = 'src/a.py';

async function started(t: Test) {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const root = createRoot(document.querySelector('main')!);
  t.teardown(async () => {
    act(() => {
      root.unmount();
    });
    await bus.close();
    fake.stop();
  });
  const reserve = (id: string, run: string, ms = 3_600_000): void => {
    fake.put('reservation', id, {
      run_id: run,
      branch: 'main',
      addresses: [ADDRESS],
      expires_at: fake.clock.inFuture(ms),
    });
  };
  /** Waits until the client has received everything and React has rendered it. */
  const settle = () =>
    act(async () => {
      await bus.sync();
      await new Promise((resolve) => setImmediate(resolve));
    });
  const render = async (element: ReactElement): Promise<void> => {
    act(() => {
      root.render(element);
    });
    await settle();
    await settle();
  };
  return { fake, bus, reserve, render, settle };
}

t.test('a release and then a reservation are rendered, and records and holders agree', async (t) => {
  const { fake, bus, reserve, render, settle } = await started(t);
  const shown: string[] = [];
  const Both = (): ReactElement => {
    const view = useMirror(bus, { kinds: ['task'] });
    const leases = useMirror(bus, { kinds: ['reservation'] });
    const { free, holders } = useHolders(leases.state === 'open' ? leases.mirror : undefined, ADDRESS);
    const records = leases.state === 'open' ? leases.mirror.all('reservation') : [];
    shown.push(`${free} ${holders.map(({ run_id }) => run_id).join()}`);
    if (leases.state === 'open') t.equal(free === 'no', records.length > 0, 'of one state');
    return createElement('p', null, view.state, ' ', free);
  };
  reserve('r1', 'agent-1');
  await render(createElement(Both));
  t.equal(shown.at(-1), 'no agent-1');
  fake.remove('reservation', 'r1');
  await settle();
  t.equal(shown.at(-1), 'yes ');
  reserve('r2', 'agent-2');
  await settle();
  t.equal(shown.at(-1), 'no agent-2');
  t.equal(document.querySelector('p')!.textContent, 'open no');
  fake.remove('reservation', 'r2');
  reserve('r3', 'agent-3');
  await settle();
  t.equal(shown.at(-1), 'no agent-3');
  const order = shown.filter((text, index) => text !== shown[index - 1]);
  t.same(order.slice(0, 4), ['unknown ', 'no agent-1', 'yes ', 'no agent-2'], 'nothing else was ever shown');
});

t.test('holders of a bus: unknown while the bus is away, and free when a lease lapses', async (t) => {
  const { fake, bus, reserve, render, settle } = await started(t);
  let free = '';
  const One = (): ReactElement => {
    free = useHolders(bus, ADDRESS).free;
    return createElement('p', null, free);
  };
  reserve('r1', 'agent-1', 10_000);
  await render(createElement(One));
  t.equal(free, 'no');
  act(() => {
    fake.drop();
  });
  t.equal(free === 'yes', false, 'never free by ignorance');
  await act(async () => {
    fake.clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  });
  await settle();
  t.equal(free, 'no');
  await act(async () => {
    fake.clock.advance(10_001);
    await new Promise((resolve) => setImmediate(resolve));
  });
  await settle();
  t.equal(free, 'yes');
});

t.test('an invalid filter is shown as a failure', async (t) => {
  const { bus, render } = await started(t);
  let state = '';
  const Wrong = (): ReactElement => {
    const view = useMirror(bus, { kindss: ['task'] } as object);
    state = view.state === 'failed' ? view.error.message : view.state;
    return createElement('p', null, state);
  };
  await render(createElement(Wrong));
  t.match(state, /"kindss"/);
});
