import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../../client/cli/cli-error.js';
import { resolveSettings } from '../../client/cli/settings/resolve-settings.js';
import { SOURCE_TABLE } from '../../client/cli/settings/setting-sources.js';
import { DEFAULT_LIMITS } from '../../server/index.js';
import { snakeCase } from '../../protocol/index.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

const FILES = 20;
const ODD: readonly unknown[] = [
  null,
  -1,
  0,
  1.5,
  1e308,
  '',
  'x',
  '\u001b[31m',
  true,
  [],
  {},
  ['a', 1],
  { toString: 1 },
  '9007199254740993',
];

/** Settings files of a repository and of a user: whatever they contain, they are read, or refused with a `CliError`. */
export function configLife(random: Random): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-fuzz-'));
  try {
    const repositoryFile = join(root, '.muse', 'bus', 'config.json');
    const userFile = join(root, 'config', 'muse-bus', 'config.json');
    for (const file of [repositoryFile, userFile]) mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
    for (let n = 0; n < FILES; n++) {
      writeFileSync(repositoryFile, content(random), { mode: 0o600 });
      writeFileSync(userFile, random.below(2) === 0 ? '{}' : content(random), { mode: 0o600 });
      resolve(root, { XDG_CONFIG_HOME: join(root, 'config') });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return Promise.resolve();
}

function resolve(root: string, env: NodeJS.ProcessEnv): void {
  try {
    JSON.stringify(resolveSettings(new Map(), env, root));
  } catch (error) {
    // A fault in the user's own file is reported, and nothing starts.
    if (!(error instanceof CliError)) throw error;
  }
}

function content(random: Random): Buffer {
  const names = [...SOURCE_TABLE.map(({ name }) => name), 'limits', '__proto__', 'constructor', 'nothing'];
  const limits = Object.keys(DEFAULT_LIMITS).map(snakeCase);
  const settings = Object.fromEntries(
    Array.from({ length: random.below(6) }, () => [random.pick(names), random.pick(ODD)] as const),
  );
  if (random.below(2) === 0) {
    settings['limits'] = Object.fromEntries(
      Array.from({ length: random.below(4) }, () => [random.pick(limits), random.pick(ODD)] as const),
    );
  }
  const bytes = Buffer.from(JSON.stringify(settings));
  return random.below(2) === 0 ? bytes : mutate(bytes, random, random.bytes(20));
}
