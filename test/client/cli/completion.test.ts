import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Command, MUSE_BUS } from '../../support/command.js';
import { reservation } from '../../support/leases.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const isInstalled = (shell: string): boolean => {
  try {
    execFileSync(shell, ['-c', 'exit 0']);
    return true;
  } catch {
    return false;
  }
};

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

/** Prints what the shell would insert for each line, and a dot after each. The lines are its arguments, after its own script. */
const COMPLETE_LINES = {
  fish: {
    args: ['--no-config', '-c'],
    script: `source completion
for line in $argv; complete -C $line | cut -f1; echo .; end`,
  },
  // Only a shell with a terminal completes, and only its widget is asked: so it types each line, and notes what is added.
  zsh: {
    args: ['-f', '-c'],
    script: String.raw`zmodload zsh/zpty && zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -U compinit; compinit -u -D; source ./completion; setopt no_beep'
zpty -w shell 'compadd() { if [[ "$*" == *-[ADO]\ * ]] { builtin compadd "$@"; return }
local -a hits; builtin compadd -O hits "$@"; print -rl -- $hits >> answers; builtin compadd "$@" }'
for line in "$@"; do zpty -w -n shell "$line"$'\t\C-a: \n'; zpty -w shell 'print . >> answers'; done
zpty -w shell exit
while zpty -r shell typed; do :; done
cat answers`,
  },
} as const;

for (const shell of ['fish', 'zsh'] as const) {
  const skip = isInstalled(shell) ? false : `${shell} is not installed`;
  t.test(
    `${shell} completes the word at the cursor, and offers files only where a file is meant`,
    { skip },
    async (t) => {
      const directory = temporaryDirectory(t);
      const repository = new TemporaryRepository();
      t.teardown(() => repository.dispose());
      repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f', 'src/a.py::g', 'src/b.py']));
      mkdirSync(join(directory, 'nested'));
      writeFileSync(join(directory, 'edge.json'), '{}');
      putOnPath(directory);
      const completion = Command.museBus(['completion', shell]);
      await completion.exit;
      writeFileSync(join(directory, 'completion'), completion.lines.join('\n'));
      const root = `--root ${repository.root}`;
      const variants: readonly (readonly [line: string, expected: readonly string[]])[] = [
        ['muse-bus wa', ['wait', 'watch']],
        ['muse-bus get re', ['release', 'reservation']],
        ['muse-bus watch --kind d', ['dependency']],
        ['muse-bus serve --transport ', ['auto', 'uws', 'ws']],
        ['muse-bus top -f ', ['json', 'text']],
        ['muse-bus serve --port ', []],
        ['muse-bus serve --state-dir n', [shell === 'fish' ? 'nested/' : 'nested']],
        ['muse-bus edge --endpoint e', ['edge.json']],
        ['muse-bus replay e', ['edge.json']],
        ['muse-bus token ', ['rotate']],
        ['muse-bus replay --sp', ['--speed']],
        [`muse-bus holders ${root} src/a.py::`, ['src/a.py::f', 'src/a.py::g']],
        [`muse-bus watch ${root} --run-id age`, ['agent-1']],
      ];
      const { args, script } = COMPLETE_LINES[shell];
      const lines = variants.map(([line]) => line);
      const run = new Command(shell, [...args, script, ...(shell === 'zsh' ? ['zsh'] : []), ...lines], {
        cwd: directory,
        env: { PATH: `${directory}:${process.env['PATH']!}` },
      });
      t.equal(await run.exit, 0, run.errors.join('\n'));
      const answers = run.lines.join('\n').split(/^\.$/m);
      for (const [n, [line, expected]] of variants.entries())
        t.same(answers[n]!.trim().split('\n').filter(Boolean).sort(), expected, line);
    },
  );
}

/** The scripts call `muse-bus` by its name. */
function putOnPath(directory: string): void {
  writeFileSync(join(directory, 'muse-bus'), `#!/bin/sh\nexec '${process.execPath}' '${MUSE_BUS}' "$@"\n`, {
    mode: 0o755,
  });
}

t.test('an unknown shell is refused', async (t) => {
  const completion = Command.museBus(['completion', 'tcsh']);
  t.equal(await completion.exit, 1);
  t.match(completion.errors.join('\n'), /bash, zsh, fish, powershell, got tcsh/);
});

t.test('run ids, branches and addresses are completed from the records, and no record becomes a command', async (t) => {
  const directory = temporaryDirectory(t);
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const touched = join(directory, 'touched');
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f', 'src/a.py::g', 'src/b.py']));
  repository.rename('reservation', 'r2', reservation(`agent-$(touch ${touched})`, ['src/a.py::`touch x`']));
  const completion = Command.museBus(['completion', 'bash']);
  await completion.exit;
  putOnPath(directory);
  const root = `--root ${repository.root}`;
  const variants: readonly (readonly [line: string, expected: readonly string[]])[] = [
    [`muse-bus watch ${root} --run-id age`, ['agent-1']],
    [`muse-bus get reservation ${root} -b `, ['main']],
    // Bash replaces only what follows the last colon.
    [`muse-bus holders ${root} src/a.py::`, ['f', 'g']],
    [`muse-bus wait ${root} --free src/b`, ['src/b.py']],
    [`muse-bus holders ${root} 'src/a.py::`, ['src/a.py::f', 'src/a.py::g']],
  ];
  for (const [line, expected] of variants) {
    const script = `${completion.lines.join('\n')}
COMP_LINE="$1"; COMP_POINT=\${#1}; COMP_WORDS=($1); [[ "$1" == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_muse_bus; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const bash = new Command('bash', ['-c', script, 'bash', line], {
      cwd: directory,
      env: { PATH: `${directory}:${process.env['PATH']!}` },
    });
    t.equal(await bash.exit, 0);
    t.strictSame(bash.lines, expected, line);
  }
  t.notOk(existsSync(touched));
});

t.test('the manual page says what the help says', async (t) => {
  const page = readFileSync(new URL('../../../dist/client/cli/muse-bus.1', import.meta.url), 'utf8');
  const words = page.replaceAll('\\-', '-').replaceAll('\\e', '\\');
  for (const text of [
    '.SS holders <address>',
    '-b, --branch <branch>',
    'only reservations on this branch',
    '.SS token rotate',
  ])
    t.match(words, text);
  t.notMatch(page, /^[.'](?!TH|SH|SS|TP|PP|B |BR|I |RI)/m, 'no line is a request by accident');
});
