import t, { type Test } from 'tap';
import { onReload, untilSignal } from '../../client/cli/terminal/signals.js';

/** This process on another platform, without the handlers of signals that the test adds. */
function on(t: Test, platform: NodeJS.Platform): void {
  const before = Object.getOwnPropertyDescriptor(process, 'platform')!;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;
  const known = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  Object.defineProperty(process, 'platform', { ...before, value: platform });
  t.teardown(() => {
    Object.defineProperty(process, 'platform', before);
    for (const signal of signals)
      for (const listener of process.listeners(signal))
        if (!known.get(signal)!.includes(listener)) process.off(signal, listener);
  });
}

for (const signal of ['SIGHUP', 'SIGBREAK'] as const)
  t.test(`Windows: ${signal} ends a server in order, and nothing is reloaded`, async (t) => {
    on(t, 'win32');
    let reloads = 0;
    onReload(() => reloads++);
    const stopped = untilSignal();
    process.emit(signal);
    await stopped;
    t.equal(reloads, 0);
  });

t.test('elsewhere SIGHUP asks for a reload, as long as the terminal is there', async (t) => {
  on(t, 'linux');
  let reloads = 0;
  onReload(() => reloads++);
  process.emit('SIGHUP');
  t.equal(reloads, 1);
});
