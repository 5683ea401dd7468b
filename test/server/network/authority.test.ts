import t from 'tap';
import { hostFault, isLoopback, isWildcard, listenAddress, reachedAt } from '../../../server/config/authority.js';

const MEANINGS: readonly (readonly [written: string, meant: string])[] = [
  ['127.0.0.1', '127.0.0.1'],
  ['127.1', '127.0.0.1'],
  ['0x7f.1', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['LocalHost', '127.0.0.1'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['0', '0.0.0.0'],
  ['00.0.0.0', '0.0.0.0'],
  ['0.0', '0.0.0.0'],
  ['', '0.0.0.0'],
  ['*', '0.0.0.0'],
  ['::ffff:0.0.0.0', '0.0.0.0'],
  ['::ffff:0:0', '0.0.0.0'],
  ['::', '::'],
  ['[::]', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['192.168.1.7', '192.168.1.7'],
  ['bus.example.com', 'bus.example.com'],
];

t.test('different spellings of an address are the same host', async (t) => {
  for (const [written, meant] of MEANINGS) t.equal(listenAddress(written), meant, written);
});

t.test('every spelling of "all interfaces" is recognised, needs TLS or insecure, and is no valid Host', async (t) => {
  for (const [written, meant] of MEANINGS) {
    const isEvery = meant === '0.0.0.0' || meant === '::';
    t.equal(isWildcard(meant), isEvery, written);
    t.equal(isLoopback(meant), meant === '127.0.0.1' || meant === '::1', written);
    if (isEvery && written !== '')
      t.ok(hostFault(written.includes(':') && !written.startsWith('[') ? `[${written}]` : written), written);
  }
});

t.test('a server on all interfaces is published at the loopback address of the same family', async (t) => {
  t.equal(reachedAt('0.0.0.0'), '127.0.0.1');
  t.equal(reachedAt('::'), '::1');
  t.equal(reachedAt('192.168.1.7'), '192.168.1.7');
});
