import t from 'tap';
import {
  hostFault,
  isLoopback,
  isWildcard,
  listenAddress,
  listenFault,
  reachedAt,
} from '../../../server/config/authority.js';

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

t.test('every spelling of a host gives the same address', async (t) => {
  for (const [written, meant] of MEANINGS) {
    t.equal(listenAddress(written), meant, written);
    t.equal(listenFault(written), undefined, written);
  }
});

t.test('a url or a port is no address to listen on, and the refusal says so instead of asking for TLS', async (t) => {
  for (const host of ['http://127.0.0.1', '127.0.0.1/x', 'a@127.0.0.1', 'local host'])
    t.match(listenFault(host), /without a scheme or a path/, host);
  for (const host of ['127.0.0.1:80', 'localhost:6873', '[::1]:80', ':80']) t.match(listenFault(host), /no port/, host);
});

t.test(
  'every spelling of "every interface" is recognised, needs TLS or insecure, and is no server’s name',
  async (t) => {
    for (const [written, meant] of MEANINGS) {
      const isEvery = meant === '0.0.0.0' || meant === '::';
      t.equal(isWildcard(meant), isEvery, written);
      t.equal(isLoopback(meant), meant === '127.0.0.1' || meant === '::1', written);
      if (isEvery && written !== '')
        t.ok(hostFault(written.includes(':') && !written.startsWith('[') ? `[${written}]` : written), written);
    }
  },
);

t.test('a server that listens on every interface is reached at the loopback address of the same family', async (t) => {
  t.equal(reachedAt('0.0.0.0'), '127.0.0.1');
  t.equal(reachedAt('::'), '::1');
  t.equal(reachedAt('192.168.1.7'), '192.168.1.7');
});
