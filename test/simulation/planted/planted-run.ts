import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Rule } from '../judge/judge.js';
import type { WorldTrait } from '../world/traits.js';
import { bundle } from './planting.js';
import type { PlantedFault } from './planted-faults.js';

/** What became of a planted fault; `seconds` of the processor. */
export type PlantedResult =
  | {
      readonly is: 'found';
      readonly rule: Rule;
      readonly seed: number;
      readonly lives: number;
      readonly seconds: number;
    }
  | { readonly is: 'missed'; readonly lives: number; readonly seconds: number };

const KEPT_LIFE = 'test/simulation/planted/kept-life.ts';
/** A life that never ends is ended when so many times its time is over: a busy machine is no fault that was not found. */
const PATIENCE = 20;

/** What the simulator says in its last line. */
interface LastLine {
  readonly lives: number;
  readonly processor_seconds: number;
  readonly violating?: readonly { readonly seed: number; readonly rule: Rule }[];
}

/** Plants one fault, and lives its kept life, or from seed 1 until a rule is violated or the time is up. */
export async function look(root: string, fault: PlantedFault, maxSeconds: number): Promise<PlantedResult> {
  const name = fault.name.replace(/[^a-z]+/g, '-');
  const { keptLife, needs = [], also = [] } = fault;
  const file = await bundle(root, name, [fault, ...also], keptLife === undefined ? undefined : KEPT_LIFE);
  const args = keptLife === undefined ? searchArgs(needs, maxSeconds) : [root, keptLife];
  const { lives, processor_seconds: seconds, violating } = await lastLineOf(file, args, maxSeconds);
  const [first] = violating ?? [];
  if (!first) return { is: 'missed', lives, seconds };
  return { is: 'found', ...first, lives, seconds };
}

function searchArgs(needs: readonly WorldTrait[], maxSeconds: number): readonly string[] {
  const limits = ['--seed', '1', '--seconds', String(maxSeconds), '--processor', '--until-violation', '--no-shrink'];
  return [...limits, ...needs.flatMap((kind) => ['--with', kind]), '--json'];
}

async function lastLineOf(file: string, args: readonly string[], maxSeconds: number): Promise<LastLine> {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE * maxSeconds * 1_000,
  });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4_000)));
  let last = '';
  for await (const line of createInterface(child.stdout)) last = line;
  if (last === '') throw new Error(`${file} said nothing:\n${errors}`);
  return JSON.parse(last) as LastLine;
}
