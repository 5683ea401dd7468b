import type { WireEvent } from '../../protocol/index.js';
import { jsonOf, must, recordOf } from './client-history.js';

/** What each revision of each epoch was. A revision is one transition, the same for all clients. */
export class Revisions {
  readonly #meaning = new Map<string, { readonly identity: string; json: string | undefined }>();

  note(epoch: string, event: WireEvent): void {
    const [revision, , , , time, , reason] = event;
    const name = `${epoch}:${String(revision)}`;
    const identity = `${recordOf(event)} at ${String(time)}`;
    // The client whose filter a record leaves receives the old data; the others receive the new data.
    const json = reason === 'left-filter' ? undefined : jsonOf(event);
    const known = this.#meaning.get(name);
    if (!known) {
      this.#meaning.set(name, { identity, json });
      return;
    }
    const isSame = known.identity === identity && (json === undefined || (known.json ?? json) === json);
    must(isSame, 'uniqueness', () => `${name} is ${known.identity} for one client and ${identity} for another`);
    known.json ??= json;
  }
}
