import type { TemporaryRepository } from './temporary-repository.js';

const iso = (ms: number): string => new Date(ms).toISOString();

/** Writes a small swarm: two runs contend for one address, the lease of a third has ended, and a fourth works alone. */
export function writeSwarm(repository: TemporaryRepository, now: number): void {
  const reserve = (id: string, run: string, branch: string, address: string, leaseMs: number): void => {
    repository.rename('reservation', id, {
      reservation_id: id,
      run_id: run,
      branch,
      addresses: [address],
      operation: 'modify',
      created_at: iso(now - 10_000),
      expires_at: iso(now + leaseMs),
    });
  };
  reserve('res-1', 'agent-1', 'main', 'src/billing.py::total', 600_000);
  reserve('res-2', 'agent-2', 'main', 'src/billing.py::total', 600_000);
  reserve('res-3', 'agent-3', 'dev', 'src/auth.py::login', -5_000);
  reserve('res-4', 'agent-4', 'dev', 'src/api/routes.py::list', 600_000);
  repository.rename('intent', 'int-4', {
    run_id: 'agent-4',
    branch: 'dev',
    reservation_id: 'res-4',
    addresses: ['src/api/routes.py::list'],
    detail: 'modify list',
    created_at: iso(now),
  });
  repository.rename('task', 'task-1', {
    run_id: 'agent-4',
    branch: 'dev',
    task_id: 'task-1',
    title: 'speed up search',
  });
}

/** Writes a heartbeat that extends a lease by ten minutes. */
export function beat(repository: TemporaryRepository, reservation: string, run: string, now: number): void {
  repository.rename('heartbeat', reservation, {
    run_id: run,
    branch: 'dev',
    reservation_id: reservation,
    last_beat_at: iso(now),
    extended_expires_at: iso(now + 600_000),
  });
}
