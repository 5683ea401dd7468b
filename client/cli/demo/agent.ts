import { createHash } from 'node:crypto';
import type { Kind, RecordData } from '../../../protocol/index.js';

const FILES: Readonly<Record<string, readonly string[]>> = {
  'src/billing.py': ['compute_total', 'apply_discount', 'Invoice.render', 'Invoice.send'],
  'src/auth.py': ['verify_token', 'issue_token', 'Session.refresh'],
  'src/catalog/search.py': ['rank', 'tokenize', 'Index.build', 'Index.query'],
  'src/catalog/model.py': ['Product', 'Product.price', 'Category'],
  'src/api/routes.py': ['list_orders', 'create_order', 'cancel_order', 'health'],
  'src/workers/queue.py': ['enqueue', 'Worker.run', 'Worker.stop'],
  'src/reports/monthly.py': ['collect', 'Report.rows', 'Report.to_csv'],
  'src/mail/outbox.py': ['Message', 'queue_message', 'flush'],
  'web/cart.ts': ['Cart.add', 'Cart.remove', 'useCart', 'formatTotal'],
  'web/session.ts': ['login', 'logout', 'refresh'],
  'tests/test_billing.py': ['test_total', 'test_discount'],
  'tests/test_search.py': ['test_rank', 'test_tokenize'],
};
const ADDRESSES = Object.entries(FILES).flatMap(([file, symbols]) => symbols.map((symbol) => `${file}::${symbol}`));
const OPERATIONS = ['modify', 'rename', 'extract', 'delete'];
const TASKS = ['speed up search', 'fix rounding in totals', 'rotate tokens', 'document the API', 'retry failed jobs'];
const LEASE_MS = 12_000;
/** How long after its end the files of a piece of work are removed. */
const CLEANUP_DELAY_MS = 15_000;

/** What an agent does to the repository. */
export interface DemoRepository {
  /** Writes a record as Muse does: heartbeats and tasks in place, others renamed from a temporary file. */
  write(kind: Kind, id: string, data: RecordData): void;
  remove(kind: Kind, id: string): void;
}

type Work =
  | { readonly doing: 'nothing' }
  | { readonly doing: 'editing'; readonly reservation: string; readonly intent: string; beats: number }
  /** The agent sends no more heartbeats, so its lease will lapse. */
  | { readonly doing: 'hanging'; readonly until: number };

/** One simulated agent. Each step is one action. */
export class DemoAgent {
  readonly #run: string;
  readonly #branch: string;
  readonly #cleanup: { readonly at: number; readonly remove: () => void }[] = [];
  #work: Work = { doing: 'nothing' };
  #steps = 0;

  constructor(
    number: number,
    private readonly repository: DemoRepository,
  ) {
    this.#run = `agent-${String(number + 1).padStart(2, '0')}`;
    // As in a real swarm, each agent has its own worktree and branch.
    this.#branch = `feat/${this.#run}`;
  }

  /** Writes records of finished work, which Muse keeps as an audit trail. */
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
    this.#steps++;
    this.#cleanUp(now);
    switch (this.#work.doing) {
      case 'nothing':
        this.#takeWork(now);
        return;
      case 'editing':
        this.#continue(this.#work, now);
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
    const reservation = contentId('reservation', this.#run, this.#steps, now);
    const first = Math.floor(Math.random() * ADDRESSES.length);
    const addresses = ADDRESSES.slice(first, first + 1 + Math.floor(Math.random() * 3));
    const common = { run_id: this.#run, branch: this.#branch, addresses, created_at: iso(now) };
    const operation = pick(OPERATIONS);
    this.repository.write('reservation', reservation, {
      ...common,
      reservation_id: reservation,
      // By default Muse names no operation.
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

  #continue(work: Extract<Work, { doing: 'editing' }>, now: number): void {
    const dice = Math.random();
    if (dice < 0.02) {
      this.#scheduleCleanup(work, now);
      this.#work = { doing: 'hanging', until: now + 2 * LEASE_MS };
    } else if (dice < 0.14 && work.beats > 1) {
      this.#release(work, now);
    } else if (this.#steps % 3 === 0) {
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
    this.#scheduleCleanup(work, now);
    this.#cleanup.push({ at: now + CLEANUP_DELAY_MS, remove: () => this.repository.remove('release', reservation) });
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
    this.#cleanup.push({
      at: now + CLEANUP_DELAY_MS,
      remove: () => {
        this.repository.remove('claim', claim);
        this.repository.remove('dependency', dependency);
        this.repository.remove('task', task);
      },
    });
  }

  #scheduleCleanup({ reservation, intent }: Extract<Work, { doing: 'editing' }>, now: number): void {
    this.#cleanup.push({
      at: now + LEASE_MS + CLEANUP_DELAY_MS,
      remove: () => {
        this.repository.remove('intent', intent);
        this.repository.remove('heartbeat', reservation);
        this.repository.remove('reservation', reservation);
      },
    });
  }

  #cleanUp(now: number): void {
    while (this.#cleanup.length > 0 && this.#cleanup[0]!.at <= now) this.#cleanup.shift()!.remove();
  }
}

/** An id like those of Muse: a hash of the content. */
function contentId(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

const iso = (ms: number): string => new Date(ms).toISOString();
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(Math.random() * choices.length)]!;
