import { textOf } from './entry.js';
import type { World } from './world.js';

/** Tasks that wait for one another, so that none can begin; each cycle once, from its smallest name. */
export function dependencyCycles(world: World): string[][] {
  const waitsFor = new Map<string, string[]>();
  for (const { data } of world.byKind.dependency.values()) {
    const task = textOf(data, 'task_id') ?? textOf(data, 'reservation_id');
    if (task === undefined) continue;
    const on: unknown = data['depends_on'];
    const names = (Array.isArray(on) ? on : [on]).filter((name): name is string => typeof name === 'string');
    waitsFor.set(task, [...(waitsFor.get(task) ?? []), ...names]);
  }
  return findCycles(waitsFor);
}

/** Depth first with a path of its own: a chain of ten thousand must not overflow the stack. */
function findCycles(next: ReadonlyMap<string, readonly string[]>): string[][] {
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  for (const start of next.keys()) {
    const path: { readonly node: string; edge: number }[] = [{ node: start, edge: 0 }];
    const onPath = new Map([[start, 0]]);
    while (path.length > 0 && !done.has(start)) {
      const top = path.at(-1)!;
      const target = next.get(top.node)?.[top.edge++];
      if (target === undefined) {
        done.add(top.node);
        onPath.delete(top.node);
        path.pop();
      } else if (onPath.has(target)) {
        const cycle = fromSmallest(path.slice(onPath.get(target)).map(({ node }) => node));
        found.set(cycle.join('\0'), cycle);
      } else if (!done.has(target) && next.has(target)) {
        onPath.set(target, path.length);
        path.push({ node: target, edge: 0 });
      }
    }
  }
  return [...found.values()];
}

function fromSmallest(cycle: readonly string[]): string[] {
  const first = cycle.reduce((best, name, i) => (name < cycle[best]! ? i : best), 0);
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}
