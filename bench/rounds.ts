/** One contender of a comparison. `run` is one round, in fresh processes. */
export interface Side<T> {
  readonly name: string;
  run(): Promise<T>;
}

/** The rounds of one side, in the order of time. A side that cannot run here has a reason instead. */
export type Outcome<T> =
  { readonly is: 'measured'; readonly rounds: readonly T[] } | { readonly is: 'skipped'; readonly why: string };

/** Thrown by a side that cannot run, because its peer is not installed. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** Runs the sides in turn, A B, B A, A B, …, so that no side always runs after the same other one. */
export async function alternate<T>(
  sides: readonly Side<T>[],
  rounds: number,
  note: (text: string) => void,
): Promise<ReadonlyMap<string, Outcome<T>>> {
  const measured = new Map<string, T[]>(sides.map(({ name }) => [name, []]));
  const skipped = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      if (skipped.has(side.name)) continue;
      note(`round ${String(round + 1)}/${String(rounds)} ${side.name}`);
      try {
        measured.get(side.name)!.push(await side.run());
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        skipped.set(side.name, error.message);
        note(`skipped: ${error.message}`);
      }
    }
  }
  return new Map(
    sides.map(({ name }) => {
      const why = skipped.get(name);
      return [name, why === undefined ? { is: 'measured', rounds: measured.get(name)! } : { is: 'skipped', why }];
    }),
  );
}

/** Runs the sides of a round at once, for figures that do not depend on other processes. */
export async function together<T>(
  sides: readonly Side<T>[],
  rounds: number,
  note: (text: string) => void,
): Promise<ReadonlyMap<string, Outcome<T>>> {
  const measured: T[][] = [];
  for (let round = 0; round < rounds; round++) {
    note(`round ${String(round + 1)}/${String(rounds)}`);
    measured.push(await Promise.all(sides.map((side) => side.run())));
  }
  return new Map(sides.map(({ name }, i) => [name, { is: 'measured', rounds: measured.map((round) => round[i]!) }]));
}

/** Returns the rounds of a side; none if it was skipped. */
export function roundsOf<T>(outcome: ReadonlyMap<string, Outcome<T>>, name: string): readonly T[] {
  const found = outcome.get(name);
  return found?.is === 'measured' ? found.rounds : [];
}
