import type { Edit } from './edit.js';

/** What a harness calls the hook for, without its own words. */
export type HookCall =
  /** A tool is about to change these files. */
  | { readonly is: 'before'; readonly edits: readonly Edit[] }
  /** It is about to change files that cannot be told from its input. */
  | { readonly is: 'before-unreadable'; readonly why: string }
  /** A tool has changed these files. */
  | { readonly is: 'after'; readonly edits: readonly Edit[] }
  /** A command has run, and may have changed anything. */
  | { readonly is: 'after-shell' }
  /** Nothing that the hook has to say anything about. */
  | { readonly is: 'none' };

/** A harness's input. */
export interface HookInput {
  readonly call: HookCall;
  /** The event by the harness's own name, which an answer repeats. */
  readonly event: string;
  /** What the harness calls the conversation. */
  readonly session: string | undefined;
  /** The agent's working directory, where it says one. */
  readonly directory: string | undefined;
}

/** What the agent is told. `none`: nothing, so that whatever else decides goes on as it would without the hook. */
export type HookOutcome =
  | { readonly is: 'none' }
  | { readonly is: 'said'; readonly text: string }
  | { readonly is: 'denied'; readonly text: string };

/** What the process prints and ends with. */
export interface HookAnswer {
  readonly json?: object;
  readonly errors?: readonly string[];
  readonly exitCode: 0 | 1 | 2;
}

/** How one harness speaks. Pure: texts in, values out. */
export interface HarnessForm {
  /** @throws Error where the input is not what the harness is known to send. */
  read(input: unknown): HookInput;
  answer(input: HookInput, outcome: HookOutcome): HookAnswer;
}

export const SILENCE: HookAnswer = { exitCode: 0 };
