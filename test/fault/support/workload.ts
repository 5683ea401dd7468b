import { existsSync } from 'node:fs';
import type { Kind } from '../../../protocol/index.js';
import type { TemporaryRepository } from '../../support/temporary-repository.js';
import { KIND_NAMES, type Operation } from '../client-history.js';

export interface WorkloadOptions {
  readonly kinds?: number;
  readonly idsPerKind?: number;
  readonly runs?: number;
  /** The share of writes that are made in place. @default 0.1 */
  readonly inPlace?: number;
  readonly removals?: number;
  /** How many characters of padding each record has, or a function that returns the number. @default 0 */
  readonly padding?: number | (() => number);
}

/** Changes files at random and keeps a list of the operations. */
export class Workload {
  readonly operations: Operation[] = [];
  #n = 0;

  constructor(
    private readonly repository: TemporaryRepository,
    private readonly random: () => number,
    private readonly options: WorkloadOptions,
  ) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  step(): void {
    const { kinds = 7, idsPerKind = 12, removals = 0.15 } = this.options;
    const kind = KIND_NAMES[this.below(kinds)] as Kind;
    const id = `${kind}-${String(this.below(idsPerKind))}`;
    if (this.random() < removals && existsSync(this.repository.dir.file(kind, id))) this.remove(kind, id);
    else this.write(kind, id);
  }

  steps(count: number): void {
    for (let i = 0; i < count; i++) this.step();
  }

  write(kind: Kind, id: string, more: object = {}): void {
    const { runs = 4, padding: given = 0, inPlace = 0.1 } = this.options;
    const padding = typeof given === 'function' ? given() : given;
    const data = { n: this.#n++, run_id: `run-${String(this.below(runs))}`, branch: 'main', ...more };
    const padded = padding === 0 ? data : { ...data, padding: 'x'.repeat(padding) };
    this.operations.push({ is: 'write', kind, id, data: padded });
    if (this.random() < inPlace) this.repository.inPlace(kind, id, padded);
    else this.repository.rename(kind, id, padded);
  }

  remove(kind: Kind, id: string): void {
    this.operations.push({ is: 'remove', kind, id });
    this.repository.remove(kind, id);
  }

  /** Records an operation that the test did by other means. */
  note(operation: Operation): void {
    this.operations.push(operation);
  }

  /** Makes a number of steps in bursts, with short pauses so that the server can work. */
  async keepUp(steps: number, burst = 20): Promise<void> {
    for (let done = 0; done < steps; done += burst) {
      this.steps(Math.min(burst, steps - done));
      await new Promise((resolve) => setTimeout(resolve, this.random() * 3));
    }
  }
}
