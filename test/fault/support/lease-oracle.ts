import { readdirSync, readFileSync } from 'node:fs';
import { parseQuery, Swarm, unixMillis, type Kind, type RecordData } from '../../../protocol/index.js';
import type { TemporaryRepository } from '../../support/temporary-repository.js';

const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];

/** Whether, by the files, an address is held now. Reads the directories and asks the pure model. */
export function isHeldOnDisk(repository: TemporaryRepository, address: string): boolean {
  const swarm = new Swarm();
  for (const kind of LEASE_KINDS) {
    for (const name of readdirSync(repository.dir.of(kind))) {
      if (!name.endsWith('.json')) continue;
      const data = JSON.parse(readFileSync(`${repository.dir.of(kind)}/${name}`, 'utf8')) as RecordData;
      swarm.put({ kind, id: name.slice(0, -'.json'.length), data });
    }
  }
  const query = parseQuery(address);
  if (!query.ok) throw new Error(query.problem.text);
  return swarm.holders(query.addresses, { now: unixMillis(Date.now()) }).free !== 'yes';
}
