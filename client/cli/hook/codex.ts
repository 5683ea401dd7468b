import { CLAUDE_CODE } from './claude-code.js';
import type { HarnessForm } from './hook-call.js';

/**
 * Codex has taken over Claude Code's form. Its one tool for edits, `apply_patch`, has the whole patch in `tool_input.command`, so
 * that every file head in it is read (`patch.ts`).
 */
export const CODEX: HarnessForm = CLAUDE_CODE;
