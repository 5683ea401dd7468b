import {
  formatCursor,
  leaseForm,
  parseQuery,
  Swarm,
  type Address,
  type Kind,
  type Moment,
} from '../../protocol/index.js';
import { QueryError, readQuery, type Parameter } from './query.js';
import { json } from './reply.js';
import type { Route, RouteServices } from './route.js';

export const HOLDERS_PARAMETERS: readonly Parameter[] = ['address', 'branch'];
const LEASE_KINDS: ReadonlySet<Kind> = new Set(['reservation', 'heartbeat', 'release']);

/** `/holders?address=`: who holds some addresses, or anything that they cover or that covers them. */
export function holdersRoute({ bus, limits, clock }: RouteServices): Route {
  // Read at the first question, and after that what has changed since the last: nothing of it is in the way of events.
  const swarm = new Swarm();
  return (request) => {
    const { filterInput } = readQuery(request.query, HOLDERS_PARAMETERS, limits);
    const addresses = readAddresses(filterInput.addresses ?? []);
    const [branch, ...others] = filterInput.branches ?? [];
    if (others.length > 0) throw new QueryError('branch can be given once');
    const { store, epoch } = bus.hub;
    const { revision, versions } = store.cut();
    swarm.replace(versions.filter(({ kind }) => LEASE_KINDS.has(kind)));
    const moment: Moment = bus.health.healthy ? { now: clock.now() } : { now: clock.now(), unseen: LEASE_KINDS };
    const { free, holders, unread } = swarm.holders(addresses, moment, { branch });
    const answer = {
      addresses: addresses.map(({ text }) => text),
      free,
      holders: holders.map(leaseForm),
      ...(unread.length === 0 ? {} : { unread }),
      now: new Date(moment.now).toISOString(),
    };
    return json(200, answer, { 'muse-bus-cursor': formatCursor({ epoch, revision }) });
  };
}

function readAddresses(spellings: readonly string[]): Address[] {
  if (spellings.length === 0) throw new QueryError('address is missing; name a file or a symbol, src/a.py::f');
  return spellings.flatMap((spelling) => {
    const parsed = parseQuery(spelling);
    if (!parsed.ok) throw new QueryError(`address: ${parsed.problem.text}`);
    return [...parsed.addresses];
  });
}
