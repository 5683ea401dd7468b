import { toCliError, CliError } from '../cli-error.js';
import { workingDirectory } from '../settings/working-directory.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Text } from '../terminal/terminal-text.js';
import { outcomeBefore } from './before-edit.js';
import type { WhenUnknown } from './decision.js';
import { answerGit } from './git.js';
import type { HookAnswer } from './hook-call.js';
import { identify } from './identity.js';
import { FORMS, outcomeOf, type AgentHarness } from './outcome.js';
import { readStaged } from './staged.js';
import { readWhenUnknown } from './when-unknown.js';

export const HARNESSES = [...(Object.keys(FORMS) as AgentHarness[]), 'git'] as const;

export interface HookFlags {
  readonly runId?: string | undefined;
  readonly branch?: string | undefined;
  readonly root?: string | undefined;
  readonly whenUnknown?: string | undefined;
}

/** The bound is high because the input of a tool that writes a file contains the whole file. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;

/** Reads the harness's input and answers in its format. An error of the hook itself stops the tool only with `--when-unknown deny`. */
export async function hook(name: string, flags: HookFlags, terminal: Terminal): Promise<void> {
  const harness = HARNESSES.find((known) => known === name);
  if (harness === undefined) throw new CliError(`hook must be for one of ${HARNESSES.join(', ')}, got ${name}`);
  const whenUnknown = readWhenUnknown(flags.whenUnknown);
  if (harness === 'git') {
    await gitHook({ ...flags, whenUnknown }, terminal);
    return;
  }
  const form = FORMS[harness];
  try {
    const input = form.read(JSON.parse(await readInput()));
    const settings = { ...flags, whenUnknown, env: process.env };
    const outcome = await outcomeOf(harness, input, settings, (line) => terminal.err(line));
    print(form.answer(input, outcome), terminal);
  } catch (error) {
    const { message } = toCliError(error);
    print({ errors: [`muse-bus hook ${harness}: ${message}`], exitCode: whenUnknown === 'deny' ? 2 : 1 }, terminal);
  }
}

/** Decides about a commit. An error of the hook itself stops the commit only with `--when-unknown deny`. */
async function gitHook(settings: HookFlags & { whenUnknown: WhenUnknown }, terminal: Terminal): Promise<void> {
  const identity = identify(settings.runId, process.env, 'git', undefined);
  try {
    const { top, edits } = readStaged(workingDirectory());
    const asker = {
      ...settings,
      identity,
      directory: top,
      about: 'commit',
      warn: (line: Text) => terminal.err(line),
    } as const;
    print(answerGit(await outcomeBefore(edits, asker)), terminal);
  } catch (error) {
    const { message } = toCliError(error);
    print({ errors: [`muse-bus hook git: ${message}`], exitCode: settings.whenUnknown === 'deny' ? 1 : 0 }, terminal);
  }
}

function print({ json, errors = [], exitCode }: HookAnswer, terminal: Terminal): void {
  if (json !== undefined) terminal.json(json);
  for (const line of errors) terminal.err(line);
  process.exitCode = exitCode;
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new CliError(
      "hook reads the harness's JSON on standard input",
      'bad_args',
      'muse-bus hooks install sets it up',
    );
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_INPUT_BYTES) throw new CliError(`the input has more than ${String(MAX_INPUT_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
