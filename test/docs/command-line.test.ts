import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MUSE_BUS } from '../support/command.js';
import { inFuture } from '../support/leases.js';
import { PseudoTerminal } from '../support/pseudo-terminal.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { withoutChance } from '../support/transcripts.js';
import { until } from '../support/until.js';

const DOCUMENT = readFileSync(new URL('../../docs/CLI.md', import.meta.url), 'utf8');

/** A chapter, with its indented blocks that begin with a command. */
interface Chapter {
  readonly name: string;
  readonly blocks: readonly string[];
}

const CHAPTERS: readonly Chapter[] = DOCUMENT.split(/^## /m)
  .slice(1)
  .map((text) => ({
    name: /^.*/.exec(text)![0],
    blocks: [...text.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)]
      .map(([block]) => block.replace(/^ {4}/gm, '').trim())
      .filter((block) => block.startsWith('$ ')),
  }))
  .filter(({ blocks }) => blocks.length > 0);

/** The width of the terminal, in columns; no line is cut at this width. */
const WIDE = 200;

/** Commands that run until they are stopped, with the line that they print first. */
const UNENDING = { serve: /Inspector +http:\/\/127\.0\.0\.1:\d+\/#token=\S+/, demo: /http:\/\/127\.0\.0\.1:\d+\// };

/** Writes the records that the document shows. */
function writeRecords(repository: TemporaryRepository): void {
  const billing = ['src/billing.py::compute_total', 'src/billing.py::apply_discount'];
  const verify = ['src/auth.py::verify_token'];
  const seconds = (ms: number): string => inFuture(ms).replace(/\.\d+Z$/, 'Z');
  repository.rename('reservation', 'a1b2c3d4', {
    run_id: 'agent-42',
    branch: 'feature/billing',
    addresses: billing,
    expires_at: seconds(2_520_000),
  });
  repository.rename('reservation', 'e5f6a7b8', {
    run_id: 'agent-99',
    branch: 'main',
    addresses: verify,
    expires_at: seconds(200_000),
  });
  repository.rename('intent', '9c0d1e2f', {
    run_id: 'agent-7',
    branch: 'main',
    addresses: verify,
    operation: 'rename',
  });
  repository.rename('task', 't-17', {
    run_id: 'agent-42',
    task_id: 't-17',
    title: 'fix rounding in totals',
    status: 'open',
  });
}

/** Replaces what differs between runs and machines. Spaces between columns are merged, because widths depend on that. */
const normal = (text: string): string[] =>
  withoutChance(text.replaceAll('\r', ''))
    .replace(/\d\d:\d\d:\d\dZ/g, 'CLOCK')
    .replace(/\b(\d+h )?(\d+m )?\d+[ms]\b/g, 'SPAN')
    .replace(/127\.0\.0\.1:\d+/g, 'SERVER')
    .replace(/─+/g, '─')
    .split('\n')
    .map((line) => line.replace(/ +/g, ' ').trim())
    .filter((line) => line !== '');

/** The names of doctor's checks, which are the same on all machines, without their results. */
const checks = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^[✔·✘!] (open files|private files|\w+)/.exec(line)?.[1] ?? []);

/** Runs the commands of a block. `sh -v` prints each command before its output, so the result is the block without prompts. */
async function repeated(block: string, root: string, bin: string): Promise<string> {
  const commands = block.split('\n').filter((line) => line.startsWith('$ '));
  const script = join(bin, 'script');
  writeFileSync(script, commands.map((line) => `${line.slice(2)}\n`).join(''));
  const command = ['env', '-C', root, `PATH=${bin}:${process.env['PATH']!}`, 'NO_COLOR=1', 'sh', '-v', script];
  const terminal = new PseudoTerminal(command, WIDE);
  await terminal.exit;
  return terminal.screen;
}

t.test('the transcripts of docs/CLI.md', { skip: PseudoTerminal.skip }, async (t) => {
  const bin = mkdtempSync(join(tmpdir(), 'muse-bus-bin-'));
  t.teardown(() => {
    rmSync(bin, { recursive: true });
  });
  writeFileSync(join(bin, 'muse-bus'), `#!/bin/sh\nexec '${process.execPath}' '${MUSE_BUS}' "$@"\n`, { mode: 0o755 });
  t.ok(CHAPTERS.length >= 10, `${String(CHAPTERS.length)} chapters`);

  for (const { name, blocks } of CHAPTERS) {
    await t.test(name, async (t) => {
      const repository = new TemporaryRepository();
      t.teardown(() => {
        repository.dispose();
      });
      writeRecords(repository);
      const begin = async (command: keyof typeof UNENDING, args: readonly string[]): Promise<PseudoTerminal> => {
        const terminal = PseudoTerminal.museBus([command, ...args, '--port', '0']);
        t.teardown(() => terminal.interrupt());
        await until('it prints its address', () => UNENDING[command].test(terminal.screen));
        return terminal;
      };
      const own = ['--root', repository.root];
      if (name === 'serve' || name === 'demo') {
        const args = /^\$ muse-bus \w+ ?(.*)$/m
          .exec(blocks[0]!)![1]!
          .split(' ')
          .filter((arg) => arg !== '');
        const terminal = await begin(name, name === 'serve' ? [...args, ...own] : args);
        t.equal(await terminal.interrupt(), 0);
        return;
      }
      if (name === 'token') await begin('serve', own);
      for (const block of blocks) {
        const printed = normal(await repeated(block, repository.root, bin));
        const expected = normal(block.replace(/^\$ /gm, ''));
        if (name === 'doctor') t.same(checks(printed), checks(expected), firstLine(block));
        else if (expected.includes('…')) t.match(printed.join('\n'), new RegExp(elided(expected)), firstLine(block));
        else t.same(printed, expected, firstLine(block));
      }
    });
  }
});

const firstLine = (block: string): string => block.slice(0, block.indexOf('\n'));

/** A pattern for these lines in this order. `…` in the document stands for any other lines. */
const elided = (lines: readonly string[]): string =>
  lines.map((line) => (line === '…' ? '[^]*' : line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('\\n*');
