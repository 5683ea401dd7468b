import { toCliError, CliError } from '../cli-error.js';
import { workingDirectory } from '../settings/working-directory.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Text } from '../terminal/terminal-text.js';
import { CLAUDE_CODE } from './claude-code.js';
import { CODEX } from './codex.js';
import { CURSOR } from './cursor.js';
import { outcomeBefore, outcomeOfUnreadable } from './before-edit.js';
import type { WhenUnknown } from './decision.js';
import { answerGit } from './git.js';
import type { HarnessForm, HookAnswer, HookInput, HookOutcome } from './hook-call.js';
import { identify } from './identity.js';
import { outcomeBetween } from './session-review.js';
import { readStaged } from './staged.js';

export const HARNESSES = ['claude-code', 'codex', 'cursor', 'git'] as const;
export type Harness = (typeof HARNESSES)[number];

export interface HookFlags {
  readonly runId?: string | undefined;
  readonly branch?: string | undefined;
  readonly root?: string | undefined;
  readonly whenUnknown?: string | undefined;
}

const FORMS: Readonly<Record<Exclude<Harness, 'git'>, HarnessForm>> = {
  'claude-code': CLAUDE_CODE,
  codex: CODEX,
  cursor: CURSOR,
};
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
    const outcome = await outcomeOf(harness, input, { ...flags, whenUnknown }, (line) => terminal.err(line));
    print(form.answer(input, outcome), terminal);
  } catch (error) {
    const { message } = toCliError(error);
    print({ errors: [`muse-bus hook ${harness}: ${message}`], exitCode: whenUnknown === 'deny' ? 2 : 1 }, terminal);
  }
}

/** Decides about a commit. An error of the hook itself stops the commit only with `--when-unknown deny`. */
async function gitHook(settings: Settings, terminal: Terminal): Promise<void> {
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

interface Settings extends HookFlags {
  readonly whenUnknown: WhenUnknown;
}

type Warn = (line: Text) => void;

async function outcomeOf(
  harness: Harness,
  { call, session, directory = workingDirectory() }: HookInput,
  settings: Settings,
  warn: Warn,
): Promise<HookOutcome> {
  const identity = identify(settings.runId, process.env, harness, session);
  const question = { ...settings, identity, directory, about: 'edit', warn } as const;
  switch (call.is) {
    case 'before':
      return outcomeBefore(call.edits, question, session);
    case 'before-unreadable':
      return outcomeOfUnreadable(call.why, question);
    case 'after':
      return outcomeBetween({ is: 'edited', edits: call.edits }, session, question);
    case 'after-shell':
      return outcomeBetween({ is: 'shell' }, session, question);
    case 'after-other':
    case 'pause':
      return outcomeBetween({ is: 'nothing' }, session, question);
    case 'none':
      return { is: 'none' };
  }
}

/** @throws CliError */
export function readWhenUnknown(text = 'pass'): WhenUnknown {
  if (text === 'pass' || text === 'deny') return text;
  throw new CliError(`--when-unknown must be pass or deny, got ${text}`);
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
