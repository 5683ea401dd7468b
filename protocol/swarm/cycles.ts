/**
 * Returns the cycles of a graph, each once and starting at its smallest name. If several cycles share an edge, at least one of them is
 * found.
 * @param next what each node waits for.
 */
export function findCycles(next: ReadonlyMap<string, readonly string[]>): string[][] {
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  for (const start of next.keys()) {
    // Depth first, with a list instead of recursion: a chain of ten thousand must not overflow the stack.
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
        const cycle = path.slice(onPath.get(target)).map(({ node }) => node);
        const turned = fromSmallest(cycle);
        found.set(JSON.stringify(turned), turned);
      } else if (!done.has(target) && next.has(target)) {
        onPath.set(target, path.length);
        path.push({ node: target, edge: 0 });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

function fromSmallest(cycle: readonly string[]): string[] {
  const smallest = cycle.reduce((best, name, i) => (name < cycle[best]! ? i : best), 0);
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}
