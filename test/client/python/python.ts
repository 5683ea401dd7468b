import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BusServer, type ServerOptions } from '../../../server/index.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

/** Another interpreter tries another version of websockets: 10 is Debian's, 14 renamed much. A server refuses MUSE_BUS_… that is no setting. */
export const PYTHON = process.env['MUSE_TEST_PYTHON'] ?? '/usr/bin/python3';
/** The sources of the package. */
export const PACKAGE = fileURLToPath(new URL('../../../client/python', import.meta.url));
const TESTS = fileURLToPath(new URL('.', import.meta.url));

/** @returns why it cannot import some modules here; `undefined` where it can. */
export function whyNoPython(...modules: readonly string[]): string | undefined {
  try {
    const program = `import ${['sys', ...modules].join(', ')}; assert sys.version_info >= (3, 10)`;
    execFileSync(PYTHON, ['-c', program], { stdio: 'pipe' });
    return undefined;
  } catch {
    return `${PYTHON} 3.10 with ${modules.join(' and ')} is missing (Debian: ${modules.map((name) => `python3-${name}`).join(' ')})`;
  }
}

export interface Outcome {
  readonly code: number | null;
  /** What unittest says: its last line is OK, or it names what has failed. */
  readonly report: string;
}

/**
 * Runs Python with a repository that is served: a line `@stop` or `@start` on its output has the server stopped, or another one
 * started, and is answered with a line.
 * @param path where the package is looked for; by default in its sources.
 */
export async function runServed(
  args: readonly string[],
  options: Partial<ServerOptions>,
  {
    python = PYTHON,
    path = PACKAGE,
    env = {},
  }: { readonly python?: string; readonly path?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  const repository = new TemporaryRepository();
  const start = async (): Promise<BusServer> => {
    const server = new BusServer({ ...options, root: repository.root, port: 0 });
    await server.start();
    return server;
  };
  let server = await start();
  try {
    const told = { PYTHONPATH: path, MUSE_BUS_TEST_ROOT: repository.root, ...env };
    return await run(args, python, told, async (line) => {
      if (line === '@stop') await server.stop();
      else if (line === '@start') server = await start();
      else return undefined;
      return 'done\n';
    });
  } finally {
    await server.stop();
    repository.dispose();
  }
}

/** Runs Python in the directory of the tests. @param answer to a line of its output, where it is one that asks for something. */
export function run(
  args: readonly string[],
  python = PYTHON,
  env: Readonly<Record<string, string>> = {},
  answer: (line: string) => Promise<string | undefined> = () => Promise.resolve(undefined),
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, {
      cwd: TESTS,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'error::ResourceWarning', ...env },
    });
    let report = '';
    child.stderr.on('data', (chunk: Buffer) => (report += chunk.toString()));
    child.stdin.on('error', () => undefined);
    createInterface(child.stdout).on('line', (line) => {
      answer(line).then((text) => {
        if (text === undefined) report += `${line}\n`;
        else child.stdin.write(text);
      }, reject);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, report });
    });
  });
}
