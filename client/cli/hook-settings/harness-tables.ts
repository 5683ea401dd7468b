import type { HookTable } from './hook-table.js';

const CLAUDE_CODE_EDITS = 'Edit|MultiEdit|Write|NotebookEdit';

const CURSOR_EDITS = 'Write|Edit|MultiEdit|StrReplace|Delete|ApplyPatch|EditNotebook';

export const CLAUDE_CODE_TABLE: HookTable = {
  harness: 'claude-code',
  off: 'disableAllHooks',
  shape: 'grouped',
  // After every tool, also one that only reads: what touches the run's leases is said at its next call.
  events: {
    PreToolUse: { matcher: CLAUDE_CODE_EDITS },
    PostToolUse: {},
    SessionStart: {},
    UserPromptSubmit: {},
    Stop: {},
  },
  knownEvents: [
    ...['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'PermissionRequest', 'PermissionDenied', 'Notification'],
    ...['UserPromptSubmit', 'SessionStart', 'SessionEnd', 'Stop', 'StopFailure', 'SubagentStart', 'SubagentStop'],
    ...['PreCompact', 'PostCompact', 'Setup', 'ConfigChange', 'TaskCreated', 'TaskCompleted', 'TeammateIdle'],
    ...['WorktreeCreate', 'WorktreeRemove', 'InstructionsLoaded', 'CwdChanged', 'FileChanged'],
  ],
};

export const CODEX_TABLE: HookTable = {
  harness: 'codex',
  shape: 'grouped',
  events: {
    PreToolUse: { matcher: 'apply_patch|Bash' },
    PostToolUse: {},
    SessionStart: {},
    UserPromptSubmit: {},
    Stop: {},
  },
  knownEvents: [
    ...['PreToolUse', 'PostToolUse', 'PermissionRequest', 'SessionStart', 'UserPromptSubmit', 'Stop'],
    ...['SubagentStart', 'SubagentStop', 'PreCompact', 'PostCompact', 'StopFailure'],
  ],
};

export const CURSOR_TABLE: HookTable = {
  harness: 'cursor',
  shape: 'flat',
  version: 1,
  events: { preToolUse: { matcher: CURSOR_EDITS }, postToolUse: {}, sessionStart: {}, stop: {} },
  knownEvents: [
    ...['preToolUse', 'postToolUse', 'postToolUseFailure', 'sessionStart', 'sessionEnd', 'beforeSubmitPrompt', 'stop'],
    ...['beforeShellExecution', 'afterShellExecution', 'beforeMCPExecution', 'afterMCPExecution', 'beforeReadFile'],
    ...['afterFileEdit', 'beforeTabFileRead', 'afterTabFileEdit', 'afterAgentResponse', 'afterAgentThought'],
    ...['subagentStart', 'subagentStop', 'preCompact'],
  ],
};
