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
import { readInput } from './read-input.js';
import { readStaged } from './staged.js';
import { readWhenUnknown } from './when-unknown.js';

export const HARNESSES = [...(Object.keys(FORMS) as AgentHarness[]), 'git'] as const;

/** Where the answer goes. */
type Output = Pick<Terminal, 'err' | 'json'>;

export interface HookFlags {
  readonly runId?: string | undefined;
  readonly branch?: string | undefined;
  readonly root?: string | undefined;
  readonly whenUnknown?: string | undefined;
}

/** Reads the harness's input and answers in its format. An error of the hook itself stops the tool only with `--when-unknown deny`. */
export async function hook(name: string, given: HookFlags, output: Output): Promise<void> {
  // An empty branch comes from a variable that is not set.
  const flags = { ...given, branch: given.branch === '' ? undefined : given.branch };
  const harness = HARNESSES.find((known) => known === name);
  if (harness === undefined) throw new CliError(`hook must be for one of ${HARNESSES.join(', ')}, got ${name}`);
  const whenUnknown = readWhenUnknown(flags.whenUnknown);
  if (harness === 'git') {
    await gitHook({ ...flags, whenUnknown }, output);
    return;
  }
  const form = FORMS[harness];
  try {
    const input = form.read(await readInput());
    const settings = { ...flags, whenUnknown, env: process.env };
    const outcome = await outcomeOf(harness, input, settings, (line) => output.err(line));
    print(form.answer(input, outcome), output);
  } catch (error) {
    const { message } = toCliError(error);
    print({ errors: [`muse-bus hook ${harness}: ${message}`], exitCode: whenUnknown === 'deny' ? 2 : 1 }, output);
  }
}

/** Decides about a commit. An error of the hook itself stops the commit only with `--when-unknown deny`. */
async function gitHook(settings: HookFlags & { whenUnknown: WhenUnknown }, output: Output): Promise<void> {
  const identity = identify(settings.runId, process.env, 'git', undefined);
  try {
    const { top, edits } = readStaged(workingDirectory());
    const asker = {
      ...settings,
      identity,
      directory: top,
      about: 'commit',
      warn: (line: Text) => output.err(line),
    } as const;
    print(answerGit(await outcomeBefore(edits, asker)), output);
  } catch (error) {
    const { message } = toCliError(error);
    print({ errors: [`muse-bus hook git: ${message}`], exitCode: settings.whenUnknown === 'deny' ? 1 : 0 }, output);
  }
}

function print({ json, errors = [], exitCode }: HookAnswer, output: Output): void {
  if (json !== undefined) output.json(json);
  for (const line of errors) output.err(line);
  process.exitCode = exitCode;
}
