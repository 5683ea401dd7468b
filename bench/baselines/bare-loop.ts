import { readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { Packr } from 'msgpackr';
import { EVENT_TYPES, KIND_DIRECTORIES, kindIndex, KINDS, type Kind } from '../../protocol/index.js';
import { runProgram } from '../program.js';
import { uwsPackedServer } from './packed-server.js';

const packr = new Packr({ useRecords: false });

/** The smallest program that publishes changes: watch, read, parse, pack, publish. It has no filter, order, history or rule. */
await runProgram(async ({ root }: { root: string }) => {
  const server = await uwsPackedServer();
  for (const kind of KINDS) {
    const directory = join(root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
    watch(directory, (_type, name) => {
      if (name?.endsWith('.json') === true && !name.startsWith('.')) tell(kind, directory, name);
    });
  }

  function tell(kind: Kind, directory: string, name: string): void {
    let data: unknown = {};
    let type = EVENT_TYPES.indexOf('added');
    try {
      data = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
      type = EVENT_TYPES.indexOf('removed');
    }
    server.publish(packr.pack([1, type, kindIndex(kind), name.slice(0, -'.json'.length), Date.now(), data]));
  }

  return { ready: { url: server.url }, stop: () => server.stop() };
});
