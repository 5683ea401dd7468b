import { Argument, Command } from 'commander';
import { addressTexts, branchText, runText, type RecordData } from '../../../protocol/index.js';
import { findSource } from './source.js';
import { readTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import { withChoices } from '../terminal/help.js';

/** What a shell can complete from the current records. */
export const COMPLETED = ['run-id', 'branch', 'address'] as const;
export type Completed = (typeof COMPLETED)[number];

/** A shell that shows more would not be read. */
const MOST = 2_000;
/** Values with any other character are left out: other agents wrote them, and a shell would act on some. */
const HARMLESS = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/** Called by the scripts of `completion`: prints the values in the current records, one a line. */
export function completeCommand(terminal: Terminal): Command {
  return new Command('complete')
    .addArgument(withChoices(new Argument('<what>', 'what is completed'), COMPLETED))
    .option('--root <path>')
    .action(async (what: string, flags: TargetFlags) => {
      const source = await findSource(readTarget(flags), { err: () => undefined });
      try {
        const found = new Set<string>();
        for await (const update of source.client.subscribe().updates()) {
          if (update.type === 'synced') break;
          if (update.type === 'event') for (const value of valuesOf(what, update.event.data)) found.add(value);
        }
        const values = [...found].filter((value) => HARMLESS.test(value) && !value.startsWith('-')).sort();
        for (const value of values.slice(0, MOST)) terminal.out(value);
      } finally {
        await source.stop();
      }
    });
}

function valuesOf(what: string, data: RecordData): readonly string[] {
  if (what === 'address') return addressTexts(data);
  const value = what === 'branch' ? branchText(data) : what === 'run-id' ? runText(data) : undefined;
  return typeof value === 'string' ? [value] : [];
}
