import { spawn } from 'node:child_process';
import { UNBUNDLED_MUSE_BUS } from '../support/command.js';
import { findRepositoryBus } from '../../client/sdk/repository-bus.js';
import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { until } from '../support/until.js';

/** Processes that start at once; fewer in the brief form. */
const STARTS = 20;

class Starter {
  code: number | undefined;
  errors = '';
  isServing = false;
  readonly ended: Promise<void>;
  readonly #child;

  constructor(root: string) {
    const args = [UNBUNDLED_MUSE_BUS, 'serve', '--root', root, '--port', '0', '--log-level', 'error'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Listening at')) this.isServing = true;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.code = code ?? -1;
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

async function race(context: FaultContext, root: string): Promise<Starter> {
  const count = context.size(STARTS, STARTS, 4);
  const starters = Array.from({ length: count }, () => new Starter(root));
  context.cleanup(() => {
    for (const starter of starters) starter.kill();
  });
  await until(
    'one serves and the others have given up',
    () => {
      const gone = starters.filter(({ code }) => code !== undefined);
      return gone.length >= count - 1 && starters.some(({ isServing }) => isServing);
    },
    60_000,
  );
  const owners = starters.filter(({ code }) => code === undefined);
  insist(owners.length === 1, () => `${String(owners.length)} serve`);
  for (const { code, errors } of starters.filter((starter) => starter !== owners[0])) {
    insist(code === 1 && errors.includes('served already'), () => `exit ${String(code)}: ${errors}`);
  }
  return owners[0]!;
}

export const oneOwner: FaultRun = {
  row: 18,
  name: '18-one-owner',
  invariant: 'one owner per repository',
  fault: `${String(STARTS)} starts at once; the owner killed, and again`,
  async run(context) {
    const rounds = context.size(1, 10);
    const { root } = context.repository();
    for (let round = 0; round < rounds; round++) {
      const owner = await race(context, root);
      const late = new Starter(root);
      await late.ended;
      insist(late.errors.includes(`process ${String(owner.pid)}`), () => `the holder is not named: ${late.errors}`);
      const { url } = findRepositoryBus(root, true).endpoint;
      insist(late.errors.includes(url), () => `the holder's address is not named: ${late.errors}`);
      owner.kill();
      await owner.ended;
    }
    return held(rounds);
  },
};
