import { z } from 'zod';
import { KINDS, type Explanation, type JsonValue } from '../../../protocol/index.js';
import { AnswerBudget, truncation, UNTRUSTED, type Shown } from './answers.js';
import { inTime, type McpBus } from './bus.js';
import { cutValue, WHOLE } from './cut.js';
import { BOUND, EVENT_FILTER, filterOf, mcpTool, type McpTool } from './tool.js';

export function explainTool(bus: McpBus): McpTool {
  return mcpTool({
    name: 'explain',
    title: 'Why a filter matches',
    description: 'Why a filter does or does not match a record: its last change, or that of a revision.',
    input: {
      kind: z.enum(KINDS),
      id: z.string().min(1),
      filter: z.strictObject(EVENT_FILTER).describe('as given to the other tools'),
      revision: z.number().int().min(1).optional(),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      verdict: { type: 'string' },
      reasons: { type: 'array', items: { type: 'string' } },
      revision: { type: 'integer' },
      truncated: { type: 'object' },
    },
    always: ['verdict', 'reasons'],
    answer: async ({ kind, id, filter, revision, max_tokens }) => {
      const question = { filter: filterOf(filter), kind, id, ...(revision === undefined ? {} : { revision }) };
      return shownExplanation(await inTime((await bus.client()).inspect('explain', question)), max_tokens);
    },
  });
}

/** The reasons quote the record, so they are marked as untrusted. */
function shownExplanation({ verdict, reasons, revision }: Explanation, maxTokens: number): object {
  const said = { verdict, ...(revision === undefined ? {} : { revision }) };
  const budget = new AnswerBudget({ untrusted: UNTRUSTED, ...said, reasons: [] }, maxTokens);
  for (const { text } of reasons) if (!budget.take((size) => shownReason(text, size))) break;
  const { items, cut } = budget.list;
  const shown = items.map((item) => (item as { readonly text: JsonValue }).text);
  const label = items.length === 0 ? {} : { untrusted: UNTRUSTED };
  return { ...label, ...said, reasons: shown, ...truncation(reasons.length - items.length, cut) };
}

function shownReason(text: string, room: number): Shown {
  const { value, isCut } = cutValue(text, WHOLE, room);
  return { value: { text: value }, isCut };
}
