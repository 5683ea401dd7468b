import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { KIND_DIRECTORIES, KINDS } from '../../protocol/index.js';
import { record } from './grammar.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';

const BATCH = 200;
/** A pause after this many files: the watch must keep up during the attack, and not only converge after it. */
const PAUSE_EVERY = 20;
/** Few names, so that the attack also changes existing files. */
const NAMES = 60;
/** The kind that only the control client writes. */
const CONTROL_KIND = 'claim';

type Put = (path: string, content: Buffer, random: Random) => void;

/**
 * Opens a regular file for writing. Does not follow a link that an earlier step made, and does not wait for a pipe without a
 * reader.
 */
function withFile(path: string, use: (file: number) => void): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o644);
  try {
    if (fstatSync(file).isFile()) use(file);
  } finally {
    closeSync(file);
  }
}

const inPlace: Put = (path, content) => {
  withFile(path, (file) => {
    writeSync(file, content);
  });
};
const renamed: Put = (path, content, random) => {
  inPlace(`${path}.tmp`, content, random);
  renameSync(`${path}.tmp`, path);
};
const WAYS: readonly (readonly [weight: number, put: Put])[] = [
  [40, renamed],
  [30, inPlace],
  [15, (path) => rmSync(path, { recursive: true, force: true })],
  [4, (path) => mkdirSync(path)],
  [4, (path, _, random) => symlinkSync(random.pick(['/dev/zero', 'nothing', 'f1.json', path]), path)],
  [
    3,
    (path, content, random) => {
      withFile(path, (file) => {
        writeSync(file, content);
        ftruncateSync(file, random.pick([0, 1, 300_000, 10_000_000_000]));
      });
    },
  ],
  [
    2,
    (path, content, random) => {
      withFile(path, (file) => {
        writeSync(file, content);
        fchmodSync(file, random.pick([0, 0o644, 0o200]));
      });
    },
  ],
  [1, (path) => execFileSync('mkfifo', [path], { stdio: 'ignore' })],
];
const TOTAL_WEIGHT = WAYS.reduce((sum, [weight]) => sum + weight, 0);

/** Writes `count` files, valid and invalid. Where an operation at a path fails, the path is removed and the operation repeated. */
export async function attackFiles(root: string, count: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const kinds = KINDS.filter((kind) => kind !== CONTROL_KIND);
  for (let done = 0, batch = 0; done < count; batch++) {
    const samples = fc
      .sample(record, { numRuns: BATCH, seed: (seed + batch) | 0 })
      .map((value) => Buffer.from(JSON.stringify(value)));
    for (const sample of samples.slice(0, count - done)) {
      const name = random.below(30) === 0 ? oddName(random) : `f${String(random.below(NAMES))}.json`;
      const path = join(root, '.muse', 'coordination', KIND_DIRECTORIES[random.pick(kinds)], name);
      putOne(path, contentOf(sample, random, random.pick(samples)), random);
      if (++done % PAUSE_EVERY === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function putOne(path: string, content: Buffer, random: Random): void {
  let at = random.below(TOTAL_WEIGHT);
  const [, put] = WAYS.find(([weight]) => (at -= weight) < 0)!;
  try {
    put(path, content, random);
  } catch {
    rmSync(path, { recursive: true, force: true });
    try {
      put(path, content, random);
    } catch {
      // The name is impossible for a file, or the path of the temporary file is a directory.
    }
  }
}

function contentOf(sample: Buffer, random: Random, other: Buffer): Buffer {
  const way = random.below(10);
  if (way < 5) return sample;
  if (way < 9) return mutate(sample, random, other);
  return random.bytes(random.below(400));
}

const oddName = (random: Random): string =>
  random.pick([
    '.json',
    'x.tmp',
    '.hidden.json',
    'x.json~',
    'new\nline.json',
    'bidi\u202e.json',
    `${'n'.repeat(240)}.json`,
    'a b.json',
    'ü.json',
  ]);
