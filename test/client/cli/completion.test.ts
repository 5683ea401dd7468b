import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Command } from '../../support/command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const isInstalled = (shell: string): boolean => {
  try {
    execFileSync(shell, ['-c', 'exit 0']);
    return true;
  } catch {
    return false;
  }
};

function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'muse-bus-completion-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}

for (const shell of SHELLS) {
  const skip = isInstalled(shell) ? false : `${shell} is not installed`;
  t.test(`${shell} reads its script without an error`, { skip }, async (t) => {
    const directory = temporaryDirectory(t);
    const completion = Command.museBus(['completion', shell]);
    t.equal(await completion.exit, 0);
    const file = join(directory, 'completion');
    writeFileSync(file, completion.lines.join('\n'));
    const check = new Command(shell, shell === 'fish' ? ['--no-execute', file] : ['-n', file]);
    t.equal(await check.exit, 0);
    t.strictSame(check.errors, []);
  });
}

t.test('bash completes the word at the cursor', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'nested'));
  writeFileSync(join(directory, 'edge.json'), '{}');
  writeFileSync(join(directory, 'n.txt'), '');
  const completion = Command.museBus(['completion', 'bash']);
  await completion.exit;
  const variants: readonly { readonly words: readonly string[]; readonly expected: readonly string[] }[] = [
    { words: ['muse-bus', 'wa'], expected: ['watch', 'wait'] },
    { words: ['muse-bus', 'get', 're'], expected: ['reservation', 'release'] },
    { words: ['muse-bus', 'watch', '--kind', 'd'], expected: ['dependency'] },
    { words: ['muse-bus', 'watch', '--event-type', 'ex'], expected: ['expired'] },
    { words: ['muse-bus', 'watch', '--no'], expected: ['--no-snapshot'] },
    {
      words: ['muse-bus', 'serve', '--limit', 'max_conn'],
      expected: ['max_connection_filter_cost=', 'max_connections='],
    },
    { words: ['muse-bus', 'serve', '--transport', ''], expected: ['auto', 'uws', 'ws'] },
    { words: ['muse-bus', 'config', '--log-level', 'w'], expected: ['warn'] },
    { words: ['muse-bus', 'top', '-f', ''], expected: ['text', 'json'] },
    { words: ['muse-bus', 'serve', '--state-dir', join(directory, 'n')], expected: [join(directory, 'nested')] },
    { words: ['muse-bus', 'edge', '--endpoint', join(directory, 'e')], expected: [join(directory, 'edge.json')] },
    { words: ['muse-bus', 'replay', join(directory, 'e')], expected: [join(directory, 'edge.json')] },
    { words: ['muse-bus', 'completion', 'f'], expected: ['fish'] },
    { words: ['muse-bus', 'token', ''], expected: ['rotate'] },
    { words: ['muse-bus', 'replay', '--sp'], expected: ['--speed'] },
  ];
  for (const { words, expected } of variants) {
    const script = `${completion.lines.join('\n')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(words.length - 1)}
_muse_bus; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const bash = new Command('bash', ['-c', script]);
    t.equal(await bash.exit, 0);
    t.strictSame(bash.lines, expected, words.join(' '));
  }
});

t.test('an unknown shell is refused', async (t) => {
  const completion = Command.museBus(['completion', 'tcsh']);
  t.equal(await completion.exit, 1);
  t.match(completion.errors.join('\n'), /bash, zsh, fish, got tcsh/);
});
