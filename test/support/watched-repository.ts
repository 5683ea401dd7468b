import { watch } from 'node:fs';
import { resolveOptions, silentLog, systemClock, type ServerOptions } from '../../server/index.js';
import { RecordStore } from '../../server/store/record-store.js';
import type { Clock } from '../../server/runtime/clock.js';
import type { StoreEvent } from '../../server/store/store-event.js';
import { chooseWatcher } from '../../server/watch/choose-watcher.js';
import { NativeWatcher } from '../../server/watch/native-watcher.js';
import { RepositoryWatch, type WatchOverrides } from '../../server/watch/repository-watch.js';
import type { Watcher } from '../../server/watch/watcher.js';
import { TemporaryRepository } from './temporary-repository.js';
import { untilFound } from './until.js';

/** How changes are noticed. `nameless` imitates kqueue: its hints name no file, and a write into a file that exists gives none. */
export const BACKENDS = ['native', 'polling', 'nameless'] as const;
/** `auto` leaves the choice to the watch. */
export type Backend = (typeof BACKENDS)[number] | 'auto';

const nameless: typeof chooseWatcher = (_choice, directories) =>
  Promise.resolve(
    new NativeWatcher(
      directories,
      (path, listener) =>
        watch(path, (type) => {
          if (type === 'rename') listener(type, null);
        }),
      'kqueue',
    ),
  );

/** A temporary repository, and a watch that keeps a store up to date with it, on real files and in real time. */
export class WatchedRepository extends TemporaryRepository {
  readonly store = new RecordStore();
  readonly events: StoreEvent[] = [];
  watch: RepositoryWatch;
  /** The warnings and errors that were logged. */
  readonly said: string[] = [];

  constructor(
    backend: Backend,
    options: Partial<ServerOptions> = {},
    parts: WatchOverrides & { readonly clock?: Clock; readonly watcher?: Watcher } = {},
  ) {
    super();
    const resolved = resolveOptions({
      ...options,
      root: this.root,
      backend: backend === 'polling' || backend === 'auto' ? backend : 'native',
      pollIntervalMs: options.pollIntervalMs ?? 20,
    });
    const publish = (events: readonly StoreEvent[]): void => {
      this.events.push(...events);
      this.published(events);
    };
    const log = { ...silentLog, warn: this.#say, error: this.#say };
    const { watcher } = parts;
    const given: typeof chooseWatcher | undefined = watcher && (() => Promise.resolve(watcher));
    const choose = given ?? parts.choose ?? (backend === 'nameless' ? nameless : chooseWatcher);
    const clock = parts.clock ?? systemClock;
    this.#make = () => new RepositoryWatch(resolved, this.store, clock, log, publish, { ...parts, choose });
    this.watch = this.#make();
  }

  readonly #make: () => RepositoryWatch;

  /** Watches again what another server has watched. @returns the events since then. */
  async restart(): Promise<StoreEvent[]> {
    this.watch.stop();
    this.watch = this.#make();
    const events = await this.watch.load('restart');
    this.watch.run();
    return events;
  }

  /** Called with the events of each turn. */
  published: (events: readonly StoreEvent[]) => void = () => undefined;

  readonly #say = (fields: object, message: string): void => {
    this.said.push(`${message} ${JSON.stringify(fields)}`);
  };

  async start(): Promise<void> {
    await this.watch.load('live');
    this.watch.run();
  }

  stop(): void {
    this.watch.stop();
    this.dispose();
  }

  /** The events in short form: `added task/t1`, with the problem if the record has one. */
  get story(): string[] {
    return this.events.map(shortOf);
  }

  /** Waits for an event in the form of {@link story}. */
  async untilTold(line: string, from = 0): Promise<StoreEvent> {
    return untilFound(`"${line}" is published`, () => this.events[this.story.indexOf(line, from)]).catch(
      (error: unknown) => {
        throw new Error(`${(error as Error).message}; published so far: ${this.story.slice(-20).join(', ')}`);
      },
    );
  }
}

/** An event in the form of {@link WatchedRepository.story}. */
export const shortOf = ({ type, record, after }: StoreEvent): string =>
  [type, `${record.kind}/${record.id}`, after?.problem].filter(Boolean).join(' ');
