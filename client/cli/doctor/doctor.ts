import { Command } from 'commander';
import { resolve } from 'node:path';
import { findRepository, type RepositorySearch } from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import { note, wrong, type Finding } from './finding.js';
import { examineHooks } from '../hook-settings/check.js';
import { withHelp } from '../terminal/help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import { otherRepositoryNote } from '../commands/other-repository.js';
import { readTarget, withTarget, type Target, type TargetFlags } from '../commands/target.js';
import type { Terminal } from '../terminal/terminal.js';
import { line, paint, type Text } from '../terminal/terminal-text.js';
import { refuseNonUtf8, workingDirectory } from '../settings/working-directory.js';

export function doctorCommand(terminal: Terminal): Command {
  const command = new Command('doctor').description('check machine, repository and server, and say what to do');
  withTarget(withFormat(command)).action((flags: FormatFlags & TargetFlags) => doctor(flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus doctor', 'check the repository around this directory and its server'],
      ['muse-bus doctor --endpoint edge.json', 'check an edge, its connection to NATS and the age of its records'],
      ['muse-bus doctor --json', 'one finding per line: check, state, found, advice'],
    ],
    exits: { 0: 'nothing is wrong', 1: 'something is wrong, or bad arguments' },
  });
}

async function doctor(flags: FormatFlags & TargetFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, usualFormat(terminal));
  const target = readTarget(flags);
  // Loaded on demand, because the help of all commands uses this module too.
  const { examineMachine } = await import('./machine.js');
  const findings = [...(await examineMachine()), ...(await examineAll(target))];
  for (const finding of findings) {
    if (format === 'json') terminal.json(finding);
    else for (const text of shownFinding(finding)) terminal.out(text);
  }
  const count = findings.filter(({ state }) => state === 'wrong').length;
  if (count > 0) process.exitCode = 1;
  if (format === 'json') return;
  terminal.out('');
  terminal.out(
    count === 0 ? 'Nothing is wrong.' : count === 1 ? '1 finding is wrong.' : `${String(count)} findings are wrong.`,
  );
}

/** An error while examining is a finding itself, so that earlier findings are still shown. */
async function examineAll(target: Target): Promise<Finding[]> {
  try {
    const [{ examineRepository }, { examineServer }] = await Promise.all([
      import('./repository.js'),
      import('./server.js'),
    ]);
    const from = target.root ?? workingDirectory();
    const search = findRepository(from, target.root !== undefined);
    const other = otherRepositoryNote(target);
    return [
      ...(other === undefined ? [] : [wrong('endpoint', other, 'unset it, or set it for the commands that need it')]),
      ...(search.is === 'found'
        ? [...examineRepository(search.root), ...examineHooks(search.root)]
        : [noRepository(search, from, target)]),
      ...(search.is !== 'found' && !target.server ? [] : await examineServer(target)),
    ];
  } catch (error) {
    const { message, hint } = toCliError(error);
    return [wrong('repository', message, hint === '' ? 'run inside a repository, or name one with --root' : hint)];
  }
}

function noRepository(search: Exclude<RepositorySearch, { is: 'found' }>, root: string, { server }: Target): Finding {
  if (search.is === 'none' && server)
    return note('repository', 'none here', 'an edge needs none; its records are those of its origin');
  refuseNonUtf8(resolve(root));
  if (search.is === 'refused') return wrong('repository', search.why, search.hint);
  const found = `no .muse/ in ${resolve(root)} or any directory above it`;
  return wrong('repository', found, 'run inside a repository, or name one with --root');
}

const WIDTH = 14;
const MARKS = { ok: paint.green('✔'), note: paint.yellow('·'), wrong: paint.red('✘') } as const;

/** A finding as lines: what was found, and what to do. */
export function shownFinding({ check, state, found, advice }: Finding): Text[] {
  const text = line`${MARKS[state]} ${check.padEnd(WIDTH)} ${found}`;
  return advice === undefined ? [text] : [text, `  ${' '.repeat(WIDTH)} → ${advice}`];
}
