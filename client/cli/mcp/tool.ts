import type { CallToolResult, JSONObject, Tool } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { EVENT_TYPES, KINDS, visibleText, type FilterInput } from '../../../protocol/index.js';
import { toCliError } from '../cli-error.js';
import { DEFAULT_MAX_TOKENS, MAX_MAX_TOKENS, MIN_MAX_TOKENS } from './answers.js';
import { readArguments } from './arguments.js';
import { answerText } from './cut.js';

/** A call of a tool, without its arguments. */
export interface ToolCall {
  /** Aborts when the client cancels the call. */
  readonly signal: AbortSignal;
  /** Reports the progress of a long call, if the client asked for it. */
  progress(done: number, total: number): void;
}

/** Clients abandon a call after a minute. */
export const MAX_WAIT_S = 50;
const PROGRESS_INTERVAL_MS = 5_000;

/** Reports the progress of a wait: the seconds passed of all seconds. @returns a function that stops the reports. */
export function reportProgress({ progress }: ToolCall, totalS: number): () => void {
  const startedAt = performance.now();
  const report = (): void => progress((performance.now() - startedAt) / 1_000, totalS);
  report();
  const timer = setInterval(report, PROGRESS_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** One tool: its listing and its call. */
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
  readonly output: JSONObject;
  /** The fields that every answer has. */
  readonly always: readonly string[];
  answer(args: z.output<z.ZodObject<S>>, call: ToolCall): Promise<object>;
}

/** A list of values. A record matches if one of them does. */
const anyOf = <T extends z.ZodType>(one: T) => z.array(one).min(1).optional();

/** The filter of records, with the names of the wire. */
export const RECORD_FILTER = {
  kinds: anyOf(z.enum(KINDS)),
  run_ids: anyOf(z.string()),
  branches: anyOf(z.string()),
  addresses: anyOf(z.string()).describe('exact, or a glob: src/billing.py::* or src/**'),
  ids: anyOf(z.string()),
};

export const EVENT_FILTER = { ...RECORD_FILTER, event_types: anyOf(z.enum(EVENT_TYPES)) };

/** The argument of every tool. */
export const BOUND = {
  max_tokens: z.number().int().min(MIN_MAX_TOKENS).max(MAX_MAX_TOKENS).default(DEFAULT_MAX_TOKENS),
};

type FilterArguments = { readonly [K in keyof typeof EVENT_FILTER]?: readonly string[] | undefined };

export function filterOf(args: FilterArguments): FilterInput {
  const fields = Object.keys(EVENT_FILTER) as (keyof FilterArguments)[];
  const entries = fields.map((field) => [field, args[field]] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/** No tool changes anything. */
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
        properties: properties as JSONObject,
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

/** A longer error quotes data of a record. */
const MAX_ERROR_CHARACTERS = 1_000;

/** An error with its hint, as a model reads it. */
export function readableError(error: unknown): string {
  const { message, hint } = toCliError(error);
  const text = visibleText((hint === '' ? message : `${message}; ${hint}`).slice(0, MAX_ERROR_CHARACTERS));
  return text.slice(0, MAX_ERROR_CHARACTERS);
}

/** The answer of a tool that has failed. */
export function refused(error: unknown): CallToolResult {
  return { content: [{ type: 'text', text: readableError(error) }], isError: true };
}
