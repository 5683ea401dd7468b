import { z } from 'zod';
import { recordKey, type FilterInput } from '../../../protocol/index.js';
import type { BusClient } from '../../sdk/bus-client.js';
import { CliError } from '../cli-error.js';
import { AnswerBudget, skippedBy, continuationOf, shortRecord, truncation, UNTRUSTED } from './answers.js';
import { inTime, type McpBus } from './bus.js';
import { BOUND, filterOf, mcpTool, RECORD_FILTER, type McpTool } from './tool.js';

interface Wanted {
  readonly filter: FilterInput;
  readonly after: string | undefined;
  readonly limit: number;
  readonly isFull: boolean;
  readonly maxTokens: number;
}

export function snapshotTool(bus: McpBus): McpTool {
  return mcpTool({
    name: 'snapshot',
    title: 'Current records',
    description:
      'The current records. Pass the (first) cursor to wait_for_change. truncated: continue with after; {cut}: ask by ids, full.',
    input: {
      ...RECORD_FILTER,
      limit: z.number().int().min(1).max(500).default(50),
      full: z.boolean().default(false).describe('data whole'),
      after: z.string().optional().describe('from the last answer'),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      cursor: { type: 'string' },
      total: { type: 'integer' },
      records: { type: 'array', items: { type: 'object' } },
      after: { type: 'string' },
      truncated: { type: 'object' },
    },
    always: ['cursor', 'total', 'records'],
    answer: async ({ limit, full, after, max_tokens, ...filter }) => {
      const wanted = { filter: filterOf(filter), after, limit, isFull: full, maxTokens: max_tokens };
      return inTime(snapshot(await bus.client(), wanted));
    },
  });
}

/** Placeholders of the maximum length. The real values are known only when the list is complete. */
const CURSOR_PLACEHOLDER = 'x'.repeat(48);
const TOTAL_PLACEHOLDER = 99_999_999;

async function snapshot(client: BusClient, wanted: Wanted): Promise<object> {
  await using subscription = client.subscribe(wanted.filter);
  let page = new Page(wanted);
  for await (const update of subscription.updates()) {
    if (update.type === 'event') page.add(update.event);
    // The connection was lost inside the snapshot, so the snapshot starts again.
    else if (update.type === 'resync') page = new Page(wanted);
    else return page.answer(update.cursor);
  }
  throw new Error('the subscription ended before the snapshot was complete');
}

type SnapshotEvent = Parameters<typeof shortRecord>[0];

/** The part of the current records, in their order, that one answer shows. */
class Page {
  readonly #budget: AnswerBudget;
  #total = 0;
  /** The number of records up to the one that `after` names; `undefined` until that record arrives. */
  #skipped: number | undefined;
  #isOver = false;
  #last = '';

  constructor(private readonly wanted: Wanted) {
    const head = { untrusted: UNTRUSTED, cursor: CURSOR_PLACEHOLDER, total: TOTAL_PLACEHOLDER, records: [] };
    this.#budget = new AnswerBudget(head, wanted.maxTokens, wanted.isFull);
    this.#skipped = wanted.after === undefined ? 0 : skippedBy(wanted.after, []);
  }

  add(event: SnapshotEvent): void {
    const name = recordKey(event.kind, event.id);
    this.#total++;
    if (this.#skipped === undefined) {
      if (name === this.wanted.after) this.#skipped = this.#total;
      return;
    }
    if (this.#isOver || this.#total <= this.#skipped) return;
    this.#isOver =
      this.#budget.count >= this.wanted.limit ||
      !this.#budget.take((size) => shortRecord(event, this.wanted.isFull, size));
    if (!this.#isOver) this.#last = name;
  }

  /** @throws CliError if the record in `after` no longer exists. */
  answer(cursor: string): object {
    const { after, maxTokens } = this.wanted;
    if (this.#skipped === undefined) {
      throw new CliError(
        `snapshot: the record in after, ${after!}, no longer exists`,
        'gone',
        'start again without after',
      );
    }
    const { items, cut } = this.#budget.list;
    const left = Math.max(0, this.#total - this.#skipped - items.length);
    return {
      ...(items.length === 0 ? {} : { untrusted: UNTRUSTED }),
      cursor,
      total: this.#total,
      records: items,
      ...(left === 0 ? {} : { after: continuationOf(this.#last, this.#skipped + items.length, maxTokens) }),
      ...truncation(left, cut),
    };
  }
}
