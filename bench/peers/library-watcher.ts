import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EVENT_TYPES, packMessage } from '../../protocol/index.js';
import { wsPackedServer } from '../baselines/packed-server.js';
import { runProgram } from '../program.js';

interface LibraryPlan {
  readonly root: string;
  readonly name: 'chokidar' | '@parcel/watcher';
  /** The path of the library's entry. */
  readonly path: string;
}

/** The part of chokidar that is used here. */
interface Chokidar {
  watch(
    path: string,
    options: { ignoreInitial: boolean },
  ): { on(event: string, listener: (event: string, path: string) => void): unknown };
}

/** The part of @parcel/watcher that is used here. */
interface Parcel {
  subscribe(path: string, listener: (error: Error | null, events: { path: string }[]) => void): Promise<unknown>;
}

/** The simplest bus of one's own: a watching library, and `ws` to publish to all clients. */
await runProgram(async ({ root, name, path }: LibraryPlan) => {
  const server = await wsPackedServer();
  const directory = join(root, '.muse', 'coordination', 'intents');
  const imported = (await import(pathToFileURL(path).href)) as { default?: object };
  const library = { ...imported.default, ...imported };
  if (name === 'chokidar') {
    const watcher = (library as unknown as Chokidar).watch(directory, { ignoreInitial: true });
    watcher.on('all', (_event, file) => tell(file));
    await new Promise<void>((resolve) => watcher.on('ready', () => resolve()));
  } else {
    await (library as unknown as Parcel).subscribe(directory, (_error, events) => {
      for (const event of events) tell(event.path);
    });
  }

  function tell(file: string): void {
    if (!file.endsWith('.json') || basename(file).startsWith('.')) return;
    let data: unknown = {};
    let type = EVENT_TYPES.indexOf('added');
    try {
      data = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
      type = EVENT_TYPES.indexOf('removed');
    }
    server.publish(packMessage([1, type, 1, basename(file, '.json'), Date.now(), data]));
  }

  return { ready: { url: server.url }, stop: () => server.stop() };
});
