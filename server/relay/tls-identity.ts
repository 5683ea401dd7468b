import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** What Node takes for the name of a server if it is told none. */
const UNNAMED = 'localhost';

/**
 * Returns the check that a server's certificate is for a server of NATS that was given. The client of NATS tells Node no name of one that is
 * given by its address: its certificate must then be for one of the addresses.
 */
export function identityCheck(servers: readonly string[]) {
  const hosts = servers.map((server) => new URL(server).hostname.replace(/^\[(.*)\]$/, '$1'));
  const unnamed = hosts.filter((host) => isIP(host) !== 0 || host === UNNAMED);
  return (name: string, certificate: PeerCertificate): Error | undefined => {
    const names = name === UNNAMED && unnamed.length > 0 ? unnamed : [name];
    const faults = names.map((one) => checkServerIdentity(one, certificate));
    return faults.includes(undefined) ? undefined : faults[0];
  };
}
