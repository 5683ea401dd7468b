import { dirname, resolve } from 'node:path';
import type { AddressedEdit } from './decision.js';
import type { Edit } from './edit.js';
import { addresser, findPlace, realPath, rootAround, type FoundPlace, type Place } from './place.js';

/** The edits of files in one repository. */
export interface PlacedEdits {
  readonly place: FoundPlace;
  /** Whether the agent works in this repository; otherwise it only edits a file there. */
  readonly isAgents: boolean;
  /** As the tool's input has them. */
  readonly given: readonly Edit[];
  readonly addressed: readonly AddressedEdit[];
}

/** The edits by repository, the agent's own first, also without an edit. */
export type Placement = { readonly is: 'placed'; readonly all: readonly PlacedEdits[] } | Exclude<Place, FoundPlace>;

/**
 * Sorts edits by the repositories that their files lie in. An agent may edit files of another repository than its own, or be started in a
 * directory above several; and a repository may lie in another.
 * @param named a directory that the user named: then no other repository counts.
 * @param branch the branch that the user named for all of them.
 */
export function placeEdits(
  edits: readonly Edit[],
  directory: string,
  named: string | undefined,
  branch: string | undefined,
): Placement {
  const own = findPlace(directory, named);
  if (own.is === 'refused') return own;
  // By the real path of their roots: a link may lead to each.
  const groups = new Map<string, Group>();
  const groupAt = (root: string, place: FoundPlace): Group => {
    const group = groups.get(root) ?? new Group(place, addresser(directory, place, branch));
    groups.set(root, group);
    return group;
  };
  // A commit has many files in few directories.
  const roots = new Map<string, string | undefined>();
  const rootOf = (parent: string): string | undefined => {
    if (!roots.has(parent)) roots.set(parent, rootAround(parent));
    return roots.get(parent);
  };
  const agents = own.is === 'found' ? groupAt(realPath(own.root), own) : undefined;
  for (const edit of edits) {
    agents?.take(edit);
    if (named !== undefined) continue;
    const path = resolve(directory, edit.path);
    for (const parent of new Set([dirname(path), dirname(realPath(path))])) {
      const root = rootOf(parent);
      if (root === undefined || groups.get(root)?.isTaken(edit) === true) continue;
      // Anybody can put a `.muse` above a directory that all can write to: a repository that is not trusted stops nobody there.
      const place = groups.get(root)?.place ?? findPlace(parent, undefined);
      if (place.is === 'found') groupAt(root, place).take(edit);
    }
  }
  const [first] = groups.values();
  if (first === undefined) return { is: 'none' };
  const all = [...groups.values()].map((group) => group.placed(group === first));
  return { is: 'placed', all };
}

class Group {
  readonly #edits = new Map<Edit, AddressedEdit>();

  constructor(
    readonly place: FoundPlace,
    private readonly address: (edit: Edit) => AddressedEdit | undefined,
  ) {}

  /** Takes an edit if its file lies in the repository. */
  take(edit: Edit): void {
    const addressed = this.address(edit);
    if (addressed !== undefined) this.#edits.set(edit, addressed);
  }

  isTaken(edit: Edit): boolean {
    return this.#edits.has(edit);
  }

  placed(isAgents: boolean): PlacedEdits {
    return { place: this.place, isAgents, given: [...this.#edits.keys()], addressed: [...this.#edits.values()] };
  }
}
