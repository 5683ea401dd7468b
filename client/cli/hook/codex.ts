import { CLAUDE_CODE } from './claude-code.js';
import type { HarnessForm } from './hook-call.js';

/**
 * Codex uses Claude Code's form. Its only tool for edits, `apply_patch`, has the whole patch in `tool_input.command`; `patch.ts` reads all
 * files in it.
 */
export const CODEX: HarnessForm = CLAUDE_CODE;
