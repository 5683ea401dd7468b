import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { buildSync } from 'esbuild';

/** Code that reads bytes without a server. Each attack has its own process, because an input may crash the reader. */
export const INPUT_ATTACKS = ['records', 'relay', 'config', 'journal'] as const;
export type InputAttack = (typeof INPUT_ATTACKS)[number];

export interface InputsPlan {
  readonly attack: InputAttack;
  readonly seed: number;
  /** The run ends after this many lives or seconds, whichever comes first. */
  readonly lives: number;
  readonly seconds: number;
}

export interface InputsReport {
  readonly lives: number;
  /** The error that ended the run early, with the seed that repeats this life alone. */
  readonly failure: { readonly seed: number; readonly why: string } | undefined;
}

const PROGRAM = resolve('.build/fuzz/inputs-main.js');

export function buildInputs(): void {
  buildSync({
    entryPoints: [resolve('test/fuzz/inputs-main.ts')],
    outfile: PROGRAM,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
}

/** Runs lives in a child process; the first one has the given seed. A seed repeats one life exactly. */
export async function fuzzInputs({ attack, seed, lives, seconds }: InputsPlan): Promise<InputsReport> {
  const args = [PROGRAM, attack, String(seed), String(lives), String(seconds)];
  const child = spawn(process.execPath, ['--import=./test/support/user-directories.mjs', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let printed = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_000)));
  const end = await new Promise<string | 0>((done) => {
    child.on('close', (code, signal) => {
      done(code === 0 ? 0 : (signal ?? `exit code ${String(code)}`));
    });
  });
  const seeds = printed.split('\n').slice(0, -1);
  const failure = end === 0 ? undefined : { seed: Number(seeds.at(-1) ?? seed), why: `${end}: ${errors}` };
  return { lives: seeds.length, failure };
}
