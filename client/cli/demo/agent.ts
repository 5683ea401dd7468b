import { contentId, type DemoRepository } from './repository.js';

const FILES: Readonly<Record<string, readonly string[]>> = {
  'src/billing.py': ['compute_total', 'apply_discount', 'Invoice.render', 'Invoice.send'],
  'src/auth.py': ['verify_token', 'issue_token', 'Session.refresh'],
  'src/catalog/search.py': ['rank', 'tokenize', 'Index.build', 'Index.query'],
  'src/catalog/model.py': ['Product', 'Product.price', 'Category'],
  'src/api/routes.py': ['list_orders', 'create_order', 'cancel_order', 'health'],
  'src/workers/queue.py': ['enqueue', 'Worker.run', 'Worker.stop'],
  'tests/test_billing.py': ['test_total', 'test_discount'],
};
const ADDRESSES = Object.entries(FILES).flatMap(([file, symbols]) => symbols.map((symbol) => `${file}::${symbol}`));
const OPERATIONS = ['modify', 'rename', 'extract', 'delete'];
const TASKS = ['speed up search', 'fix rounding in totals', 'rotate tokens', 'document the API', 'retry failed jobs'];
const LEASE_MS = 12_000;
/** After it has lapsed or been released, an agent's litter is collected. */
const LITTER_MS = 15_000;

type Work =
  | { readonly doing: 'nothing' }
  | { readonly doing: 'editing'; readonly reservation: string; readonly intent: string; beats: number }
  /** Has stopped beating: the lease will lapse. */
  | { readonly doing: 'hanging'; readonly until: number };

/** One simulated agent; each step is one small act. */
export class DemoAgent {
  readonly #run: string;
  readonly #branch: string;
  readonly #litter: { readonly at: number; readonly remove: () => void }[] = [];
  #work: Work = { doing: 'nothing' };
  #acts = 0;

  constructor(
    number: number,
    private readonly repository: DemoRepository,
  ) {
    this.#run = `agent-${String(number + 1).padStart(2, '0')}`;
    // As in a real swarm: a worktree and a branch for each.
    this.#branch = `feat/${this.#run}`;
  }

  /** Work that it finished long ago, which Muse keeps as an audit trail. */
  leaveOldWork(now: number): void {
    const reservation = contentId('reservation', this.#run, 'old');
    const hoursAgo = (hours: number): string => iso(now - hours * 3_600_000);
    const common = { run_id: `${this.#run}-old`, branch: this.#branch, addresses: [pick(ADDRESSES)] };
    const old = { ...common, reservation_id: reservation, created_at: hoursAgo(12) };
    this.repository.write('reservation', reservation, { ...old, expires_at: hoursAgo(11) });
    const intent = contentId('intent', reservation);
    this.repository.write('intent', intent, { ...old, intent_id: intent, operation: 'modify', detail: '' });
  }

  step(now: number): void {
    this.#acts++;
    this.#collectLitter(now);
    switch (this.#work.doing) {
      case 'nothing':
        this.#takeWork(now);
        return;
      case 'editing':
        this.#goOn(this.#work, now);
        return;
      case 'hanging':
        if (now >= this.#work.until) this.#work = { doing: 'nothing' };
        return;
    }
  }

  #takeWork(now: number): void {
    const dice = Math.random();
    if (dice < 0.25) this.#claimTask(now);
    else if (dice < 0.85) this.#reserve(now);
  }

  #reserve(now: number): void {
    const reservation = contentId('reservation', this.#run, this.#acts, now);
    const first = Math.floor(Math.random() * ADDRESSES.length);
    const addresses = ADDRESSES.slice(first, first + 1 + Math.floor(Math.random() * 3));
    const common = { run_id: this.#run, branch: this.#branch, addresses, created_at: iso(now) };
    const operation = pick(OPERATIONS);
    this.repository.write('reservation', reservation, {
      ...common,
      reservation_id: reservation,
      // Muse's default is to say none.
      operation: pick([operation, null]),
      expires_at: iso(now + LEASE_MS),
    });
    const intent = contentId('intent', reservation);
    this.repository.write('intent', intent, {
      ...common,
      intent_id: intent,
      reservation_id: reservation,
      operation,
      detail: pick(['', `${operation} ${addresses[0]!}`]),
    });
    this.#work = { doing: 'editing', reservation, intent, beats: 0 };
  }

  #goOn(work: Extract<Work, { doing: 'editing' }>, now: number): void {
    const dice = Math.random();
    if (dice < 0.06) {
      this.#leave(work, now);
      this.#work = { doing: 'hanging', until: now + 2 * LEASE_MS };
    } else if (dice < 0.18 && work.beats > 1) {
      this.#release(work, now);
    } else if (this.#acts % 3 === 0) {
      work.beats++;
      this.#beat(work.reservation, now);
    }
  }

  #beat(reservation: string, now: number): void {
    this.repository.write('heartbeat', reservation, {
      run_id: this.#run,
      reservation_id: reservation,
      last_beat_at: iso(now),
      extended_expires_at: iso(now + LEASE_MS),
    });
  }

  #release(work: Extract<Work, { doing: 'editing' }>, now: number): void {
    const { reservation } = work;
    this.repository.write('release', reservation, {
      run_id: this.#run,
      release_id: contentId('release', reservation),
      reservation_id: reservation,
      reason: pick(['completed', 'completed', 'cancelled']),
      released_at: iso(now),
    });
    this.#leave(work, now);
    this.#litter.push({ at: now + LITTER_MS, remove: () => this.repository.remove('release', reservation) });
    this.#work = { doing: 'nothing' };
  }

  #claimTask(now: number): void {
    const task = contentId('task', this.#run, now).slice(0, 16);
    const title = pick(TASKS);
    const common = { run_id: this.#run, branch: this.#branch, created_at: iso(now) };
    this.repository.write('task', task, { ...common, task_id: task, title, status: 'open' });
    const claim = contentId('claim', task);
    this.repository.write('claim', claim, { ...common, claim_id: claim, task_id: task, claimed_at: iso(now) });
    const dependency = contentId('dependency', task);
    this.repository.write('dependency', dependency, {
      ...common,
      dependency_id: dependency,
      task_id: task,
      depends_on: contentId('task', pick(TASKS)).slice(0, 16),
    });
    this.#litter.push({
      at: now + LITTER_MS,
      remove: () => {
        this.repository.remove('claim', claim);
        this.repository.remove('dependency', dependency);
        this.repository.remove('task', task);
      },
    });
  }

  #leave({ reservation, intent }: Extract<Work, { doing: 'editing' }>, now: number): void {
    this.#litter.push({
      at: now + LEASE_MS + LITTER_MS,
      remove: () => {
        this.repository.remove('intent', intent);
        this.repository.remove('heartbeat', reservation);
        this.repository.remove('reservation', reservation);
      },
    });
  }

  #collectLitter(now: number): void {
    while (this.#litter.length > 0 && this.#litter[0]!.at <= now) this.#litter.shift()!.remove();
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(Math.random() * choices.length)]!;
