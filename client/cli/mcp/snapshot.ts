import { z } from 'zod';
import type { FilterInput } from '../../../protocol/index.js';
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
    title: 'Records that stand',
    description:
      'Records that stand now. Pass the (first) cursor to wait_for_change. truncated: go on with after; {cut}: ask by ids, full.',
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

/** As long as they get: what stands in an answer beside its list is known only after it. */
const LONGEST_CURSOR = 'x'.repeat(48);
const LARGEST_TOTAL = 99_999_999;

async function snapshot(client: BusClient, wanted: Wanted): Promise<object> {
  await using subscription = client.subscribe(wanted.filter);
  let page = new Page(wanted);
  for await (const update of subscription.updates()) {
    if (update.type === 'event') page.add(update.event);
    // Begun anew: the connection broke inside the snapshot.
    else if (update.type === 'resync') page = new Page(wanted);
    else return page.answer(update.cursor);
  }
  throw new Error('the subscription ended before the snapshot was complete');
}

type SnapshotEvent = Parameters<typeof shortRecord>[0];

/** What of the records that stand, in their order, one answer shows. */
class Page {
  readonly #room: AnswerBudget;
  #total = 0;
  /** Records up to and with the one that `after` names; unknown until it has come. */
  #passed: number | undefined;
  #isOver = false;
  #last = '';

  constructor(private readonly wanted: Wanted) {
    const head = { untrusted: UNTRUSTED, cursor: LONGEST_CURSOR, total: LARGEST_TOTAL, records: [] };
    this.#room = new AnswerBudget(head, wanted.maxTokens, wanted.isFull);
    this.#passed = wanted.after === undefined ? 0 : skippedBy(wanted.after, []);
  }

  add(event: SnapshotEvent): void {
    const name = `${event.kind}/${event.id}`;
    this.#total++;
    if (this.#passed === undefined) {
      if (name === this.wanted.after) this.#passed = this.#total;
      return;
    }
    if (this.#isOver || this.#total <= this.#passed) return;
    this.#isOver =
      this.#room.count >= this.wanted.limit || !this.#room.take((room) => shortRecord(event, this.wanted.isFull, room));
    if (!this.#isOver) this.#last = name;
  }

  /** @throws CliError where the record after which to go on is gone. */
  answer(cursor: string): object {
    const { after, maxTokens } = this.wanted;
    if (this.#passed === undefined) {
      throw new CliError(
        `snapshot: the record after which to go on, ${after!}, is gone`,
        'gone',
        'begin without after',
      );
    }
    const { items, cut } = this.#room.list;
    const left = Math.max(0, this.#total - this.#passed - items.length);
    return {
      ...(items.length === 0 ? {} : { untrusted: UNTRUSTED }),
      cursor,
      total: this.#total,
      records: items,
      ...(left === 0 ? {} : { after: continuationOf(this.#last, this.#passed + items.length, maxTokens) }),
      ...truncation(left, cut),
    };
  }
}
