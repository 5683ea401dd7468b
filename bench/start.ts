import { get } from 'node:http';
import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren } from './child.js';
import { digits } from './report.js';
import { withRepository } from './repository.js';
import { alternate, type Side } from './rounds.js';
import { fittedExponent, median, pairedRatios, spread } from './statistics.js';

/** Milliseconds from starting the process. */
interface Round {
  readonly ms: number;
}

function busSide(root: string, options: BenchOptions): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const began = performance.now();
      const { ready } = await start<{ url: string }>('programs/bus', { root }, serverArgv(options));
      await isReady(ready.url);
      return { ms: performance.now() - began };
    });
  return { name: 'bus', run };
}

function isReady(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url.replace('ws', 'http')}/readyz`, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`/readyz answers ${String(response.statusCode)}`));
    }).on('error', reject);
  });
}

function readingSide(root: string): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const began = performance.now();
      const reader = await start('floors/read-all', { root });
      await reader.call('readAll');
      return { ms: performance.now() - began };
    });
  return { name: 'reading the files', run };
}

const RECORDS = [0, 1_000, 20_000, 100_000];

/** From starting the process to an endpoint that answers. */
export const start: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  const points: [number, number][] = [];
  for (const records of RECORDS.filter((count) => String(count).includes(options.only))) {
    const outcome = await withRepository(records, ({ root }) =>
      alternate([busSide(root, options), readingSide(root)], options.rounds, (text) =>
        options.note(`${String(records)} records: ${text}`),
      ),
    );
    raw[String(records)] = Object.fromEntries(outcome);
    const times = (name: string): number[] => {
      const found = outcome.get(name);
      return found?.is === 'measured' ? found.rounds.map(({ ms }) => ms) : [];
    };
    const [ours, floor] = [times('bus'), times('reading the files')];
    const { median: middle, low, high } = spread(ours);
    points.push([records, middle]);
    const ratio = digits(median(pairedRatios(ours, floor)));
    rows.push([String(records), digits(middle), `${digits(low)}–${digits(high)}`, digits(median(floor)), ratio]);
  }
  const columns = ['records', 'bus ms', 'spread', 'reading the files ms', '× reading'];
  const exponent = `Grows with the number of records to the power of ${digits(fittedExponent(points))}, the start of Node included.`;
  return { tables: [{ title: 'Cold start', columns, rows, notes: [...NOTES, exponent] }], raw };
};

const NOTES = [
  'From starting the process to a /readyz that says ready; the files are in the page cache. The floor starts a process too, then lists, reads and parses.',
];
