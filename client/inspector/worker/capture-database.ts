import type { PieceFacts } from '../model/kept-events.js';
import type { SealedPiece } from './capture-cipher.js';

const NAME = 'muse-bus.capture';

/** Whose events are stored: one token of one server, and one epoch. */
export interface Owner {
  readonly token: string;
  readonly epoch: string;
}

/** The database of this origin: an owner, and pieces of encrypted events with their facts. */
export class CaptureDatabase {
  private constructor(private readonly database: IDBDatabase) {}

  /** @throws if the browser refuses it, for example in a private window */
  static async open(): Promise<CaptureDatabase> {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('owner');
      for (const name of ['facts', 'pieces']) request.result.createObjectStore(name, { keyPath: 'after' });
    };
    const database = await settled(request);
    // A later build of the page changes the database only when all others have closed it.
    database.onversionchange = () => {
      database.close();
    };
    return new CaptureDatabase(database);
  }

  /** Removes everything, if it belongs to one of these owners. */
  async clear(isMeant: (owner: Owner) => boolean): Promise<void> {
    const { owner, clear, done } = this.#change();
    const found = (await settled(owner.get('owner'))) as Owner | undefined;
    if (found && isMeant(found)) clear();
    await done;
  }

  /** Returns all pieces of an owner; none if what is stored belongs to another one. */
  async read(wanted: Owner): Promise<SealedPiece[]> {
    const transaction = this.database.transaction(['owner', 'pieces']);
    const found = (await settled(transaction.objectStore('owner').get('owner'))) as Owner | undefined;
    if (found?.token !== wanted.token || found.epoch !== wanted.epoch) return [];
    return settled(transaction.objectStore('pieces').getAll()) as Promise<SealedPiece[]>;
  }

  /**
   * Adds pieces, and removes those that no longer belong there. What is stored of another epoch of the same server is removed first.
   * @returns false if another tab now stores the events of another server. Then nothing is added.
   */
  async write(
    wanted: Owner,
    pieces: readonly (readonly [SealedPiece, PieceFacts])[],
    surplus: (facts: readonly PieceFacts[]) => readonly number[],
  ): Promise<boolean> {
    const { owner, facts, sealed, clear, done } = this.#change();
    const found = (await settled(owner.get('owner'))) as Owner | undefined;
    const isOurs = !found || found.token === wanted.token;
    if (isOurs) {
      if (found?.epoch !== wanted.epoch) clear();
      owner.put({ token: wanted.token, epoch: wanted.epoch } satisfies Owner, 'owner');
      for (const [piece, facts_] of pieces) {
        sealed.put(piece);
        facts.put(facts_);
      }
      for (const after of surplus((await settled(facts.getAll())) as PieceFacts[])) {
        sealed.delete(after);
        facts.delete(after);
      }
    }
    await done;
    return isOurs;
  }

  close(): void {
    this.database.close();
  }

  #change() {
    const transaction = this.database.transaction(['owner', 'facts', 'pieces'], 'readwrite');
    const [owner, facts, sealed] = ['owner', 'facts', 'pieces'].map((name) => transaction.objectStore(name)) as [
      IDBObjectStore,
      IDBObjectStore,
      IDBObjectStore,
    ];
    const clear = (): void => {
      for (const store of [owner, facts, sealed]) store.clear();
    };
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => {
        resolve();
      };
      transaction.onabort = () => {
        reject(transaction.error ?? new Error('the browser has ended the writing'));
      };
    });
    // A failure before the end is reported by what was waited for at that time.
    done.catch(() => undefined);
    return { owner, facts, sealed, clear, done };
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error('the browser gave no reason'));
    };
  });
}
