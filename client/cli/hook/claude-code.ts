import { asFields, textIn, type Fields } from './fields.js';
import {
  SILENCE,
  type HarnessForm,
  type HookAnswer,
  type HookCall,
  type HookInput,
  type HookOutcome,
} from './hook-call.js';
import { editsOf, isShell } from './tool-edits.js';

/**
 * Claude Code: JSON on stdin, and `hookSpecificOutput` on stdout. If nothing is wrong, the hook prints nothing: `allow` would suppress the
 * permission prompt of Claude Code. Codex uses the same form, with tools of its own.
 */
export const CLAUDE_CODE: HarnessForm = { read: readClaudeCode, answer: answerClaudeCode };

function readClaudeCode(input: unknown): HookInput {
  const fields = asFields(input);
  const event = textIn(fields, ['hook_event_name']);
  if (event === undefined) throw new Error('the input has no hook_event_name');
  return {
    event,
    call: callOf(event, fields),
    session: textIn(fields, ['session_id']),
    directory: textIn(fields, ['cwd']),
  };
}

function callOf(event: string, fields: Fields): HookCall {
  switch (event) {
    case 'SessionStart':
      return { is: 'pause', at: 'start' };
    case 'UserPromptSubmit':
      return { is: 'pause', at: 'prompt' };
    case 'Stop':
      // The agent goes on because a hook wanted it to: it would never stop if the hook wanted it again.
      return fields['stop_hook_active'] === true ? { is: 'none' } : { is: 'pause', at: 'stop' };
    case 'PreToolUse':
    case 'PostToolUse':
      break;
    default:
      return { is: 'none' };
  }
  return toolCall(event === 'PreToolUse', textIn(fields, ['tool_name']), fields['tool_input']);
}

/** Translates a call of a tool to a call of the hook. @param isBefore whether the tool has not run yet. */
export function toolCall(isBefore: boolean, tool: string | undefined, input: unknown): HookCall {
  if (tool === undefined) {
    return isBefore ? { is: 'before-unreadable', why: 'the input names no tool' } : { is: 'none' };
  }
  const read = editsOf(tool, input);
  switch (read.is) {
    case 'edits':
      return { is: isBefore ? 'before' : 'after', edits: read.edits };
    case 'unreadable':
      return isBefore ? { is: 'before-unreadable', why: read.why } : { is: 'after-shell' };
    case 'none':
      if (isBefore) return { is: 'none' };
      return { is: isShell(tool) ? 'after-shell' : 'after-other' };
  }
}

function answerClaudeCode({ event, call }: HookInput, outcome: HookOutcome): HookAnswer {
  if (outcome.is === 'none') return SILENCE;
  const { text } = outcome;
  // At a stop only a block with a reason reaches the model.
  if (call.is === 'pause' && call.at === 'stop') return { json: { decision: 'block', reason: text }, exitCode: 0 };
  const said =
    outcome.is === 'denied'
      ? { permissionDecision: 'deny', permissionDecisionReason: text }
      : { additionalContext: text };
  return { json: { hookSpecificOutput: { hookEventName: event, ...said } }, exitCode: 0 };
}
