import type { Edit } from './edit.js';

/** The reason why a harness calls the hook, in a form common to all harnesses. */
export type HookCall =
  /** A tool will change these files. */
  | { readonly is: 'before'; readonly edits: readonly Edit[] }
  /** A tool will change files, but its input does not tell which. */
  | { readonly is: 'before-unreadable'; readonly why: string }
  /** A tool has changed these files. */
  | { readonly is: 'after'; readonly edits: readonly Edit[] }
  /** A shell command has run and may have changed any file. */
  | { readonly is: 'after-shell' }
  /** Another tool has run, which changes no file. */
  | { readonly is: 'after-other' }
  /** The agent pauses: a session begins, its user has sent a prompt, or it is about to stop. */
  | { readonly is: 'pause'; readonly at: 'start' | 'prompt' | 'stop' }
  /** The call is of no interest to the hook. */
  | { readonly is: 'none' };

/** The input of a harness. */
export interface HookInput {
  readonly call: HookCall;
  /** The harness's own name of the event; the answer repeats it. */
  readonly event: string;
  /** The harness's id of the conversation. */
  readonly session: string | undefined;
  /** The agent's working directory, if the input names one. */
  readonly directory: string | undefined;
}

/** The result for the agent. `none`: no text and no decision, so the harness goes on as it would without the hook. */
export type HookOutcome =
  | { readonly is: 'none' }
  | { readonly is: 'said'; readonly text: string }
  | { readonly is: 'denied'; readonly text: string };

/** Joins what there is to say about several repositories: a denial of one of them counts, and is said first. */
export function together(outcomes: readonly HookOutcome[]): HookOutcome {
  const said = outcomes.flatMap((outcome) => (outcome.is === 'none' ? [] : [outcome]));
  const [first, ...others] = [...said.filter(({ is }) => is === 'denied'), ...said.filter(({ is }) => is === 'said')];
  if (first === undefined) return { is: 'none' };
  return { is: first.is, text: [first, ...others].map(({ text }) => text).join('\n') };
}

/** What the process prints, and its exit code. */
export interface HookAnswer {
  readonly json?: object;
  readonly errors?: readonly string[];
  readonly exitCode: 0 | 1 | 2;
}

/** The input and output format of one harness. Pure: no files, no clock. */
export interface HarnessForm {
  /** @throws Error if the input does not have the harness's format. */
  read(input: unknown): HookInput;
  answer(input: HookInput, outcome: HookOutcome): HookAnswer;
}

export const SILENCE: HookAnswer = { exitCode: 0 };
