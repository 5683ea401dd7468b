import t from 'tap';
import { readHookArguments } from '../../../../client/cli/hook/hook-arguments.js';

t.test('flags of the hook are read in every form in which a command line has them', async (t) => {
  const runId = 'agent-7';
  for (const args of [
    ['--run-id', runId, 'codex'],
    ['codex', '--run-id=agent-7'],
    ['--run-id', runId, '--', 'codex'],
  ])
    t.strictSame(readHookArguments(args), { harness: 'codex', flags: { runId } }, args.join(' '));
  for (const args of [['-b', 'main'], ['-bmain'], ['--branch=main'], ['--branch', 'main']])
    t.strictSame(readHookArguments(args), { harness: '', flags: { branch: 'main' } }, args.join(' '));
  t.strictSame(readHookArguments(['git', '--root', '/a b', '--when-unknown', 'deny']), {
    harness: 'git',
    flags: { root: '/a b', whenUnknown: 'deny' },
  });
  t.strictSame(readHookArguments(['git', '--branch', '', '--run-id=-x']).flags, { branch: '', runId: '-x' });
  t.strictSame(readHookArguments(['git', '--branch=']).flags, { branch: '' });
});

t.test('a mistake in them is refused', async (t) => {
  for (const [args, why] of [
    [['codex', '--run'], /unknown option --run/],
    [['-x'], /unknown option -x/],
    [['--constructor=1'], /unknown option/],
    [['codex', '--run-id'], /--run-id needs a value/],
    [['codex', '--run-id', '--branch'], /--run-id needs a value/],
    [['codex', 'cursor'], /one harness, got codex cursor/],
  ] as const)
    t.throws(() => readHookArguments(args), why, args.join(' '));
});
