import { Command } from 'commander';
import { resolve } from 'node:path';
import { findRepository, type RepositorySearch } from '../../server/repository/index.js';
import { examineMachine } from './doctor-machine.js';
import { examineRepository } from './doctor-repository.js';
import { examineServer } from './doctor-server.js';
import { wrong, type Finding } from './finding.js';
import { withHelp } from './help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from './output-format.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from './terminal.js';
import { line, paint, type Text } from './terminal-text.js';

export function doctorCommand(terminal: Terminal): Command {
  const command = new Command('doctor').description('examine machine, repository and server, and say what to do');
  withTarget(withFormat(command)).action((flags: FormatFlags & TargetFlags) => doctor(flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus doctor', 'of the repository around this directory and its server'],
      ['muse-bus doctor --root ~/shop', 'of another one'],
      ['muse-bus doctor --json', 'one finding a line: check, state, found, advice'],
    ],
    exits: { 0: 'nothing is wrong', 1: 'something is, or bad arguments' },
  });
}

async function doctor(flags: FormatFlags & TargetFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, usualFormat(terminal));
  const target = readTarget(flags);
  const search = findRepository(target.root ?? process.cwd(), target.root !== undefined);
  const findings = [
    ...examineMachine(),
    ...(search.is === 'found' ? examineRepository(search.root) : [noRepository(search, target.root)]),
    ...(search.is !== 'found' && !target.server ? [] : await examineServer(target)),
  ];
  for (const finding of findings) {
    if (format === 'json') terminal.json(finding);
    else for (const text of shown(finding)) terminal.out(text);
  }
  const count = findings.filter(({ state }) => state === 'wrong').length;
  if (count > 0) process.exitCode = 1;
  if (format === 'json') return;
  terminal.out('');
  terminal.out(count === 0 ? 'Nothing is wrong.' : `${String(count)} wrong.`);
}

function noRepository(search: Exclude<RepositorySearch, { is: 'found' }>, root = process.cwd()): Finding {
  if (search.is === 'refused') return wrong('repository', search.why, search.hint);
  const found = `no .muse/ in ${resolve(root)} or any directory above it`;
  return wrong('repository', found, 'run inside a repository, or name one with --root');
}

const WIDTH = 14;
const MARKS = { ok: paint.green('✔'), note: paint.yellow('·'), wrong: paint.red('✘') } as const;

function shown({ check, state, found, advice }: Finding): Text[] {
  const text = line`${MARKS[state]} ${check.padEnd(WIDTH)} ${found}`;
  return advice === undefined ? [text] : [text, `  ${' '.repeat(WIDTH)} → ${advice}`];
}
