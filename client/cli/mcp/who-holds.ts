import { z } from 'zod';
import type { JsonValue } from '../../../protocol/index.js';
import type { Holder } from '../../sdk/holders.js';
import { CliError } from '../cli-error.js';
import { AnswerBudget, skippedBy, continuationOf, truncation, UNTRUSTED, type Shown } from './answers.js';
import { inTime, ANSWER_TIMEOUT_MS, type McpBus } from './bus.js';
import { cutValue, SHORT } from './cut.js';
import { BOUND, mcpTool, type McpTool } from './tool.js';

const MAX_HOLDERS = 20;

export function whoHoldsTool(bus: McpBus): McpTool {
  return mcpTool({
    name: 'who_holds',
    title: 'Who holds an address',
    description:
      'Who holds an address now, or anything it covers or that covers it. First to end first. truncated: continue with after.',
    input: {
      address: z.string().min(1).describe('src/billing.py::compute_total, a file, directory or pattern'),
      branch: z.string().optional().describe('only reservations on it'),
      after: z.string().optional().describe('from the last answer'),
      ...BOUND,
    },
    output: {
      untrusted: { type: 'string' },
      total: { type: 'integer' },
      holders: { type: 'array', items: { type: 'object' } },
      free: { type: 'string' },
      after: { type: 'string' },
      truncated: { type: 'object' },
    },
    always: ['holders'],
    answer: async ({ address, branch, after, max_tokens }) => {
      const client = await bus.client();
      // Asks for the records on disk now: the last known state cannot prove that nobody holds the address.
      const holding = client.holding(address, { branch, ...bus.addresses, timeoutMs: ANSWER_TIMEOUT_MS });
      const { free, holders } = await inTime(holding);
      const said = free === 'unknown' && holders.length === 0 ? { free } : {};
      const wanted = {
        after,
        now: client.serverNow(),
        maxTokens: max_tokens,
      };
      return shownHolders(holders, wanted, said);
    },
  });
}

interface Wanted {
  readonly after: string | undefined;
  /** The server's clock. */
  readonly now: number;
  readonly maxTokens: number;
}

/** @param said further fields of the answer. */
export function shownHolders(holders: readonly Holder[], { after, now, maxTokens }: Wanted, said: object = {}): object {
  const passed =
    after === undefined
      ? 0
      : skippedBy(
          after,
          holders.map(({ reservation }) => reservation),
        );
  if (passed === undefined) {
    throw new CliError(`who_holds: ${after!} no longer holds it`, 'gone', 'start again without after');
  }
  const budget = new AnswerBudget({ untrusted: UNTRUSTED, ...said, total: holders.length, holders: [] }, maxTokens);
  for (const holder of holders.slice(passed, passed + MAX_HOLDERS))
    if (!budget.take((size) => shownHolder(holder, now, size))) break;
  const { items, cut } = budget.list;
  const end = passed + items.length;
  const left = Math.max(0, holders.length - end);
  return {
    ...(items.length === 0 ? {} : { untrusted: UNTRUSTED }),
    ...said,
    ...(left === 0 ? {} : { total: holders.length }),
    holders: items,
    ...(left === 0 ? {} : { after: continuationOf(holders[end - 1]?.reservation ?? '', end, maxTokens) }),
    ...truncation(left, cut),
  };
}

function shownHolder(holder: Holder, now: number, room: number): Shown {
  const { effective_expires_at: end, ...lease } = holder;
  const left = end === null ? {} : { effective_expires_at: end, seconds_left: secondsUntil(end, now) };
  const said = Object.entries({ ...lease, ...left }).filter(([, value]) => value !== null);
  const shown: Readonly<Record<string, JsonValue>> = Object.fromEntries(said);
  // Longer than other texts, because an id may have 256 bytes.
  const { value, isCut } = cutValue(shown, { ...SHORT, text: 300, list: MAX_HOLDERS }, room);
  return { value: typeof value === 'object' && value !== null ? value : { reservation: value }, isCut };
}

const secondsUntil = (time: string, now: number): number => Math.max(0, Math.ceil((Date.parse(time) - now) / 1_000));
