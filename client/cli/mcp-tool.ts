import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { EVENT_TYPES, FILTER_FIELDS, KINDS, type FilterInput } from '../../protocol/index.js';
import { asFailure } from './failure.js';

/** One value, or several of which any will do. */
const some = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).min(1)]).optional();

/** What chooses records, called as the flags of `watch`. */
export const RECORD_FILTER = {
  kind: some(z.enum(KINDS)),
  run_id: some(z.string()),
  branch: some(z.string()),
  address: some(z.string()).describe('exact, or a glob: src/billing.py::* or src/**'),
  id: some(z.string()),
};

export const EVENT_FILTER = { ...RECORD_FILTER, event_type: some(z.enum(EVENT_TYPES)) };

/** Every tool only looks. */
export const LOOKS_ONLY = { readOnlyHint: true, openWorldHint: false } as const;

type FilterArguments = { readonly [K in keyof typeof EVENT_FILTER]?: string | readonly string[] | undefined };

export function readFilter(given: FilterArguments): FilterInput {
  const entries = (Object.keys(FILTER_FIELDS) as (keyof FilterArguments)[])
    .map((name) => [FILTER_FIELDS[name], given[name]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => [field, typeof value === 'string' ? [value] : value]);
  return Object.fromEntries(entries) as FilterInput;
}

/** An answer as one line of JSON, or what went wrong and what to do about it: a model reads both. */
export async function answered(work: () => Promise<object>): Promise<CallToolResult> {
  try {
    return { content: [{ type: 'text', text: JSON.stringify(await work()) }] };
  } catch (error) {
    const { message, hint } = asFailure(error);
    return { content: [{ type: 'text', text: hint === '' ? message : `${message}; ${hint}` }], isError: true };
  }
}
