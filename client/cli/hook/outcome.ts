import { workingDirectory } from '../settings/working-directory.js';
import type { Text } from '../terminal/terminal-text.js';
import { outcomeBefore, outcomeOfUnreadable } from './before-edit.js';
import { CLAUDE_CODE } from './claude-code.js';
import { CODEX } from './codex.js';
import { CURSOR } from './cursor.js';
import type { WhenUnknown } from './decision.js';
import type { Edit } from './edit.js';
import type { HarnessForm, HookInput, HookOutcome } from './hook-call.js';
import { identify } from './identity.js';
import { localPath } from './local-path.js';
import { outcomeBetween } from './session-review.js';

/** The harnesses of agents, and what each of them sends and reads. */
export const FORMS = { 'claude-code': CLAUDE_CODE, codex: CODEX, cursor: CURSOR } as const satisfies Readonly<
  Record<string, HarnessForm>
>;
export type AgentHarness = keyof typeof FORMS;

/** What a call of the hook has besides the harness's input. */
export interface HookSettings {
  readonly runId?: string | undefined;
  readonly branch?: string | undefined;
  readonly root?: string | undefined;
  readonly whenUnknown: WhenUnknown;
  /** Where MUSE_RUN_ID is looked for: the environment of the agent. */
  readonly env: NodeJS.ProcessEnv;
}

/** Returns what the hook has to say to an agent, the same whether a process or a request asks. */
export async function outcomeOf(
  harness: AgentHarness,
  { call, session, directory }: HookInput,
  settings: HookSettings,
  warn: (line: Text) => void,
): Promise<HookOutcome> {
  const { runId, env, ...others } = settings;
  const identity = identify(runId, env, harness, session);
  const workingIn = directory === undefined ? workingDirectory() : localPath(directory);
  const question = { ...others, identity, directory: workingIn, about: 'edit', warn } as const;
  switch (call.is) {
    case 'before':
      return outcomeBefore(local(call.edits), question, session);
    case 'before-unreadable':
      return outcomeOfUnreadable(call.why, question);
    case 'after':
      return outcomeBetween({ is: 'edited', edits: local(call.edits) }, session, question);
    case 'after-shell':
      return outcomeBetween({ is: 'shell' }, session, question);
    case 'after-other':
    case 'pause':
      return outcomeBetween({ is: 'nothing' }, session, question);
    case 'none':
      return { is: 'none' };
  }
}

const local = (edits: readonly Edit[]): Edit[] => edits.map((edit) => ({ ...edit, path: localPath(edit.path) }));
