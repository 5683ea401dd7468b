import t from 'tap';
import { portFailure } from '../../client/cli/commands/taken-port.js';
import { whyPortNotShared } from '../../server/network/shared-port.js';

const listenError = (code: string): Error =>
  Object.assign(new Error(`listen ${code}: 127.0.0.1:6873`), { code, syscall: 'listen' });

t.test('a port that is taken, and one that the system reserves, are two failures with their own advice', async (t) => {
  t.match(portFailure(listenError('EADDRINUSE')), { status: 'port_in_use', hint: /0 for any free port/ });
  t.match(portFailure(listenError('EACCES')), { status: 'port_refused', hint: /another port/ });
  for (const [code, hint] of [
    ['EADDRINUSE', /with --probe-port: each server needs its own/],
    ['EACCES', /with --probe-port: the system/],
  ] as const)
    t.match(portFailure(Object.assign(listenError(code), { port: 9_873 }), { probePort: 9_873 }), { hint });
  const file = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES', syscall: 'open' });
  t.equal(portFailure(file), undefined, 'a file that may not be opened is no port');
});

t.test('servers share a port where the system and Node can', async (t) => {
  t.equal(whyPortNotShared('ws', 'linux', '22.12.0'), undefined);
  t.match(whyPortNotShared('ws', 'linux', '22.11.0'), /Node 22\.11\.0 cannot share a port/);
  t.equal(whyPortNotShared('uws', 'linux', '20.0.0'), undefined);
  for (const engine of ['ws', 'uws'] as const) {
    t.match(whyPortNotShared(engine, 'darwin', '24.0.0'), /cannot share a port on macOS/);
    t.match(whyPortNotShared(engine, 'win32', '24.0.0'), /cannot share a port on Windows/);
  }
});
