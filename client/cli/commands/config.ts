import { Command } from 'commander';
import { withHelp } from '../terminal/help.js';
import {
  readFormat,
  usualFormat,
  widthOf,
  withFormat,
  withWide,
  type FormatFlags,
  type PrintFlags,
} from '../terminal/output-format.js';
import { resolveSettings, withSettings, writtenFlags, type SettingView } from '../settings/resolve-settings.js';
import { repositoryOf } from './serve.js';
import type { Refusal } from '../settings/repository-config.js';
import { table, type Column } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

type ConfigFlags = FormatFlags & PrintFlags & { readonly root?: string };

export function configCommand(terminal: Terminal): Command {
  const command = new Command('config')
    .description('show every setting of the server, its value and the source of the value')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)');
  withSettings(withWide(withFormat(command))).action((flags: ConfigFlags, self: Command) =>
    config(flags, self, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus config', 'all settings; a flag overrides the environment, then files, then defaults'],
      ['MUSE_BUS_PORT=7000 muse-bus config', 'what a server started this way would use'],
      ['muse-bus config --json | grep -v \'"default"\'', 'only settings that are set'],
    ],
    exits: { 0: 'all settings are valid', 1: 'a setting is invalid, or bad arguments' },
  });
}

function config(flags: ConfigFlags, self: Command, terminal: Terminal): void {
  const { views, refusals, unknownVariables } = resolveSettings(
    writtenFlags(self),
    process.env,
    repositoryOf(flags.root),
  );
  if (readFormat(flags, usualFormat(terminal)) === 'json') {
    for (const { name, value, origin, where } of views) {
      terminal.json({ name, value: value ?? null, origin, ...(where === '' ? {} : { where }) });
    }
    for (const refusal of refusals) terminal.json({ ...refusal, refused: true });
  } else {
    for (const line of table(COLUMNS, views, widthOf(flags, terminal))) terminal.out(line);
    if (refusals.length > 0) {
      terminal.out('');
      terminal.out('REFUSED');
    }
    for (const refusal of refusals) for (const line of refusalLines(refusal)) terminal.out(line);
  }
  for (const variable of unknownVariables) terminal.err(variable);
}

const COLUMNS: readonly Column<SettingView>[] = [
  { head: 'SETTING', cell: ({ name }) => name },
  { head: 'VALUE', cell: ({ value }) => (Array.isArray(value) && value.length === 0 ? 'none' : (value ?? 'none')) },
  { head: 'ORIGIN', cell: ({ origin }) => origin },
  { head: 'WHERE', cell: ({ where }) => where },
];

const refusalLines = ({ name, value, where, why, allow }: Refusal): string[] => [
  `${name === '*' ? '' : `${name} = `}${value}, in ${where}`,
  `  ${why}`,
  `  → ${allow}`,
];
