import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { EVENT_TYPES, KINDS, visibleText, type FilterInput } from '../../../protocol/index.js';
import { toCliError } from '../cli-error.js';
import { DEFAULT_MAX_TOKENS, MAX_MAX_TOKENS, MIN_MAX_TOKENS } from './answers.js';
import { readArguments } from './arguments.js';
import { answerText } from './cut.js';

/** A call of a tool, beside its arguments. */
export interface ToolCall {
  /** The client has lost interest. */
  readonly signal: AbortSignal;
  /** Tells a client that asked for it how far a long call is. */
  progress(done: number, total: number): void;
}

/** Clients give up on a tool after a minute. */
export const MAX_WAIT_S = 50;
const PROGRESS_EVERY_MS = 5_000;

/** In seconds of those that it may take, from the beginning on. @returns stops. */
export function reportProgress({ progress }: ToolCall, totalS: number): () => void {
  const startedAt = performance.now();
  const tell = (): void => progress((performance.now() - startedAt) / 1_000, totalS);
  tell();
  const timer = setInterval(tell, PROGRESS_EVERY_MS);
  return () => clearInterval(timer);
}

/** One tool, as it is listed and called. */
export interface McpTool {
  readonly listed: Tool;
  call(given: Readonly<Record<string, unknown>>, call: ToolCall): Promise<CallToolResult>;
}

interface ToolDefinition<S extends z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: S;
  /** JSON Schema of the answer's fields. */
  readonly output: Readonly<Record<string, object>>;
  /** Those of them that every answer has. */
  readonly always: readonly string[];
  answer(args: z.output<z.ZodObject<S>>, call: ToolCall): Promise<object>;
}

/** Values of which any will do. */
const some = <T extends z.ZodType>(one: T) => z.array(one).min(1).optional();

/** What chooses records, called as on the wire. */
export const RECORD_FILTER = {
  kinds: some(z.enum(KINDS)),
  run_ids: some(z.string()),
  branches: some(z.string()),
  addresses: some(z.string()).describe('exact, or a glob: src/billing.py::* or src/**'),
  ids: some(z.string()),
};

export const EVENT_FILTER = { ...RECORD_FILTER, event_types: some(z.enum(EVENT_TYPES)) };

/** What every tool takes. */
export const BOUND = {
  max_tokens: z.number().int().min(MIN_MAX_TOKENS).max(MAX_MAX_TOKENS).default(DEFAULT_MAX_TOKENS),
};

type FilterArguments = { readonly [K in keyof typeof EVENT_FILTER]?: readonly string[] | undefined };

export function filterOf(args: FilterArguments): FilterInput {
  const fields = Object.keys(EVENT_FILTER) as (keyof FilterArguments)[];
  const entries = fields.map((field) => [field, args[field]] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/** Every tool only looks. */
const READ_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const;

export function mcpTool<S extends z.ZodRawShape>(definition: ToolDefinition<S>): McpTool {
  const { name, title, description, input, output, always } = definition;
  const { properties, required = [] } = z.toJSONSchema(z.strictObject(input), { io: 'input' });
  return {
    listed: {
      name,
      title,
      description,
      inputSchema: {
        type: 'object',
        properties: properties as Record<string, object>,
        required,
        additionalProperties: false,
      },
      outputSchema: { type: 'object', properties: { ...output }, required: [...always] },
      annotations: { title, ...READ_ONLY },
    },
    async call(given, call) {
      try {
        const answer = await definition.answer(readArguments(name, input, given), call);
        return { content: [{ type: 'text', text: answerText(answer) }], structuredContent: { ...answer } };
      } catch (error) {
        return refused(error);
      }
    },
  };
}

/** Longer, what went wrong is somebody's data. */
const MAX_ERROR = 1_000;

/** What went wrong and what to do about it: a model reads both. */
export function refused(error: unknown): CallToolResult {
  const { message, hint } = toCliError(error);
  const text = visibleText((hint === '' ? message : `${message}; ${hint}`).slice(0, MAX_ERROR));
  return { content: [{ type: 'text', text: text.slice(0, MAX_ERROR) }], isError: true };
}
