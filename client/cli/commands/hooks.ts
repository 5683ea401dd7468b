import { Argument, Command, Option } from 'commander';
import { createInterface } from 'node:readline';
import { closestMatch } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { shownFinding } from '../doctor/doctor.js';
import { readWhenUnknown } from '../hook/when-unknown.js';
import { checkHooks } from '../hook-settings/check.js';
import { lineDifference, type DifferenceLine } from '../hook-settings/line-difference.js';
import { INSTALL_PLACES, PLACES, type PlaceName } from '../hook-settings/places.js';
import type { SettingsEdit } from '../hook-settings/settings-edit.js';
import { readSettingsFile, writeSettingsFile, type SettingsFile } from '../hook-settings/settings-file.js';
import { withChoices, withHelp } from '../terminal/help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import type { Terminal } from '../terminal/terminal.js';
import { paint, type Text } from '../terminal/terminal-text.js';
import { hooksServeCommand } from './hooks-serve.js';
import { repositoryOf } from './serve.js';

interface ChangeFlags {
  readonly root?: string;
  readonly yes?: boolean;
}

interface InstallFlags extends ChangeFlags {
  readonly program?: string;
  readonly whenUnknown?: string;
}

const EXITS = {
  0: 'everything is installed (remove: removed) now, or was already',
  1: 'bad arguments or failure, or nothing was written because it was not confirmed',
};
const ROOT = ['--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)'] as const;
const YES = ['-y, --yes', 'write without asking; without a terminal nothing is written otherwise'] as const;

export function hooksCommand(terminal: Terminal): Command {
  const examples = [
    ['muse-bus hooks install claude-code', 'show what would be added to .claude/settings.json, and ask'],
    ['muse-bus hooks install git mcp --yes', 'check commits, and add the MCP server, without asking'],
    ['muse-bus hooks check', 'what is installed, and whether it can work'],
  ] as const;
  const names = (argument: string): Argument =>
    withChoices(
      new Argument(argument, "whose settings; git: a pre-commit hook; mcp: the repository's .mcp.json"),
      PLACES,
    );
  const install = new Command('install')
    .description('add the hooks to the settings of this repository, after showing the difference')
    .addArgument(names('<harness...>'))
    .option(...ROOT)
    .option(...YES)
    .option('--program <command>', 'how the program is started there (default: muse-bus)')
    .addOption(
      withChoices(
        new Option('--when-unknown <policy>', 'what the hook does with an edit if it is unknown who holds it'),
        ['pass', 'deny'],
      ),
    )
    .action((given: string[], flags: InstallFlags) => installHooks(given, flags, terminal));
  const check = withFormat(new Command('check').description('show what is installed, and whether it can work'))
    .addArgument(names('[harness...]'))
    .option(...ROOT)
    .action((given: string[], flags: FormatFlags & ChangeFlags) => checkInstalled(given, flags, terminal));
  const remove = new Command('remove')
    .description('remove the hooks, and leave everything else')
    .addArgument(names('<harness...>'))
    .option(...ROOT)
    .option(...YES)
    .action((given: string[], flags: ChangeFlags) =>
      change(given, flags, terminal, (place, { text }) => INSTALL_PLACES[place].remove(text)),
    );
  const hooks = new Command('hooks').description('install muse-bus in the hooks of coding agents');
  hooks.addCommand(withHelp(install, { examples, exits: EXITS }));
  hooks.addCommand(
    withHelp(check, { examples, exits: { 0: 'nothing is wrong', 1: 'something is wrong, or bad arguments' } }),
  );
  hooks.addCommand(withHelp(remove, { examples, exits: EXITS }));
  hooks.addCommand(hooksServeCommand(terminal));
  return withHelp(hooks, { examples, exits: EXITS });
}

function installHooks(given: readonly string[], flags: InstallFlags, terminal: Terminal): Promise<void> {
  const program = flags.program ?? 'muse-bus';
  if (!/^[\w./:@ ~-]+$/.test(program) || !program.includes('muse-bus')) {
    throw new CliError(
      `--program must be how muse-bus is started, in plain words, got ${program}`,
      'bad_args',
      'as npx muse-bus',
    );
  }
  const installed = { program, whenUnknown: readWhenUnknown(flags.whenUnknown) };
  return change(given, flags, terminal, (place, { text, path }) => INSTALL_PLACES[place].add(text, installed, path));
}

async function change(
  given: readonly string[],
  flags: ChangeFlags,
  terminal: Terminal,
  edit: (place: PlaceName, file: SettingsFile) => SettingsEdit,
): Promise<void> {
  const root = repositoryOf(flags.root);
  for (const name of given.map(readPlace)) {
    const { path: pathIn, mode, within = () => root } = INSTALL_PLACES[name];
    const file = readSettingsFile(within(root), pathIn(root));
    const edited = edit(name, file);
    if (edited.is === 'refused') {
      throw new CliError(`${file.path} is left as it is: ${edited.why}`, 'refused', 'mend it, and try again');
    }
    if (edited.is === 'same') {
      terminal.out(`${file.path}: nothing to change`);
      continue;
    }
    terminal.out(`${file.path}:${edited.text === undefined ? ' (removed)' : file.text === undefined ? ' (new)' : ''}`);
    for (const part of lineDifference(file.text ?? '', edited.text ?? '')) terminal.out(shownLine(part));
    if (flags.yes === true || (await isAgreed(terminal))) {
      writeSettingsFile(within(root), file, edited.text, mode);
      terminal.out(`${file.path}: written`);
    } else {
      terminal.err(`${file.path}: nothing was written; --yes writes it`);
      process.exitCode = 1;
    }
  }
}

function shownLine({ mark, text }: DifferenceLine): Text {
  if (mark === '+') return paint.green(`+ ${text}`);
  return mark === '-' ? paint.red(`- ${text}`) : `${mark} ${text}`;
}

/** Asks where somebody can answer. */
async function isAgreed(terminal: Terminal): Promise<boolean> {
  if (!process.stdin.isTTY || !terminal.isInteractive) return false;
  terminal.out('Write this? y or n');
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const answer of lines) return /^y(?:es)?$/i.test(answer.trim());
    return false;
  } finally {
    lines.close();
  }
}

function checkInstalled(given: readonly string[], flags: FormatFlags & ChangeFlags, terminal: Terminal): void {
  const format = readFormat(flags, usualFormat(terminal));
  const findings = checkHooks(repositoryOf(flags.root), given.length === 0 ? PLACES : given.map(readPlace));
  for (const finding of findings) {
    if (format === 'json') terminal.json(finding);
    else for (const text of shownFinding(finding)) terminal.out(text);
  }
  if (findings.some(({ state }) => state === 'wrong')) process.exitCode = 1;
}

/** @throws CliError */
function readPlace(name: string): PlaceName {
  const known = PLACES.find((place) => place === name);
  if (known !== undefined) return known;
  const best = closestMatch(name, PLACES);
  throw new CliError(
    `there are no hooks for ${name}`,
    'bad_args',
    best === undefined ? `there are ${PLACES.join(', ')}` : `did you mean ${best}?`,
  );
}
