import type { PeerCertificate } from 'node:tls';
import t from 'tap';
import { identityCheck } from '../../../server/relay/tls-identity.js';

const certificateFor = (subjectaltname: string): PeerCertificate =>
  ({ subject: { CN: 'nats' }, subjectaltname }) as PeerCertificate;

t.test('a certificate is for the server that was given, by its name or its address', (t) => {
  const cases: readonly (readonly [servers: string, name: string, certificate: string, isRight: boolean])[] = [
    ['tls://10.0.0.1:4222', 'localhost', 'IP Address:10.0.0.1', true],
    ['tls://10.0.0.1:4222', 'localhost', 'DNS:localhost', false],
    ['tls://10.0.0.1:4222', 'localhost', 'IP Address:10.0.0.9', false],
    ['tls://10.0.0.1:4222,tls://10.0.0.2:4222', 'localhost', 'IP Address:10.0.0.2', true],
    ['tls://[::1]:4222', 'localhost', 'IP Address:0:0:0:0:0:0:0:1', true],
    ['tls://localhost:4222', 'localhost', 'DNS:localhost', true],
    ['tls://localhost:4222', 'localhost', 'IP Address:10.0.0.1', false],
    ['tls://nats.example:4222', 'nats.example', 'DNS:nats.example', true],
    ['tls://nats.example:4222', 'nats.example', 'DNS:localhost', false],
    ['tls://nats.example:4222', 'localhost', 'DNS:nats.example', false],
  ];
  for (const [servers, name, certificate, isRight] of cases) {
    const fault = identityCheck(servers.split(','))(name, certificateFor(certificate));
    t.equal(fault === undefined, isRight, `${servers}: ${certificate}`);
  }
  t.end();
});
