import type { WireEvent } from '../../protocol/index.js';
import { jsonOf, must, recordOf } from './life.js';

/** What each revision of each epoch was, whoever saw it: one transition, one revision, for ever. */
export class Revisions {
  readonly #meaning = new Map<string, { readonly identity: string; json: string | undefined }>();

  note(epoch: string, event: WireEvent): void {
    const [revision, , , , time, , reason] = event;
    const name = `${epoch}:${String(revision)}`;
    const identity = `${recordOf(event)} at ${String(time)}`;
    // What leaves a filter is shown to its holder as it was before, and to others as it is.
    const json = reason === 'left-filter' ? undefined : jsonOf(event);
    const known = this.#meaning.get(name);
    if (!known) {
      this.#meaning.set(name, { identity, json });
      return;
    }
    const isSame = known.identity === identity && (json === undefined || (known.json ?? json) === json);
    must(isSame, 'uniqueness', () => `${name} is ${known.identity} to one and ${identity} to another`);
    known.json ??= json;
  }
}
