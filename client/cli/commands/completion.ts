import { Argument, Command, type Option } from 'commander';
import { EVENT_TYPES, KINDS } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { BACKENDS, LIMIT_NAMES, LOG_LEVELS, TRANSPORTS } from '../settings/settings.js';
import type { Terminal } from '../terminal/terminal.js';

/** What a word of the command line may be; `files` and `directories` are the shell's to complete. */
type Values = readonly string[] | 'files' | 'directories';

const FLAG_VALUES: Readonly<Record<string, Values>> = {
  '--kind': KINDS,
  '--event-type': EVENT_TYPES,
  '--format': ['text', 'json'],
  '--backend': BACKENDS,
  '--transport': TRANSPORTS,
  '--log-level': LOG_LEVELS,
  '--limit': [...LIMIT_NAMES.keys()].map((name) => `${name}=`),
  '--root': 'directories',
  '--tls-cert': 'files',
  '--tls-key': 'files',
  '--endpoint': 'files',
  '--token-file': 'files',
  '--relay-creds': 'files',
  '--relay-password-file': 'files',
  '--relay-token-file': 'files',
  '--relay-ca': 'files',
  '--relay-cert': 'files',
  '--relay-key': 'files',
};

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const ARGUMENT_VALUES: Readonly<Record<string, Values>> = {
  get: KINDS,
  record: 'files',
  replay: 'files',
  completion: SHELLS,
  token: ['rotate'],
};

export function completionCommand(terminal: Terminal, program: Command): Command {
  const command = new Command('completion')
    .description('print a script that completes commands, flags and values in your shell')
    .addArgument(new Argument('<shell>', SHELLS.join(', ')))
    .action((shell: string) => {
      for (const line of scriptFor(shell, program).split('\n')) terminal.out(line);
    });
  return withHelp(command, {
    examples: [
      ['source <(muse-bus completion bash)', 'in ~/.bashrc'],
      ['source <(muse-bus completion zsh)', 'in ~/.zshrc, after compinit'],
      ['muse-bus completion fish > ~/.config/fish/completions/muse-bus.fish', 'once'],
    ],
    exits: USUAL_EXITS,
  });
}

function scriptFor(shell: string, program: Command): string {
  switch (shell) {
    case 'bash':
      return bash(program);
    case 'zsh':
      // zsh runs bash's completions; what it lacks is only the word "complete".
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;
    case 'fish':
      return fish(program);
    default:
      throw new CliError(`completion must be for one of ${SHELLS.join(', ')}, got ${shell}`);
  }
}

/** The commands that help shows. */
const commandsOf = (program: Command): readonly Command[] =>
  program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');

const flagsOf = (command: Command): string[] =>
  [...optionsOf(command).flatMap(({ short, long }) => [short, long]), '--help'].filter((flag) => flag !== undefined);

const optionsOf = (command: Command): readonly Option[] => [
  ...command.options,
  ...command.commands.flatMap((nested) => nested.options),
];

// ── bash ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function bash(program: Command): string {
  const commands = commandsOf(program);
  const cases = commands.map((command) => {
    const values = ARGUMENT_VALUES[command.name()] ?? [];
    const own = Array.isArray(values) ? `values="${values.join(' ')}"` : 'shell=-f';
    return `    ${command.name()}) flags="${flagsOf(command).join(' ')}"; ${own} ;;`;
  });
  return `_muse_bus() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" flags="" values="" shell=""
  COMPREPLY=()
  case "$before" in
${bashFlagCases()}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${[...commands.map((command) => command.name()), '--help', '--version'].join(' ')}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen $shell -W "$values" -- "$word")) ;;
  esac
}
complete -o bashdefault -F _muse_bus muse-bus`;
}

function bashFlagCases(): string {
  return Object.entries(FLAG_VALUES)
    .map(([flag, values]) => {
      const how = values === 'files' ? '-f' : values === 'directories' ? '-d' : `-W "${values.join(' ')}"`;
      const open = flag === '--limit' ? 'compopt -o nospace 2>/dev/null; ' : '';
      return `    ${flag}) ${open}COMPREPLY=($(compgen ${how} -- "$word")); return ;;`;
    })
    .join('\n');
}

// ── fish ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function fish(program: Command): string {
  const lines = ['complete -c muse-bus -f'];
  for (const command of commandsOf(program)) {
    const name = command.name();
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c muse-bus -n __fish_use_subcommand -a ${name} -d ${quoted(command.description())}`);
    const values = ARGUMENT_VALUES[name];
    if (values !== undefined) lines.push(`complete -c muse-bus ${here} ${fishValues(values)}`);
    for (const option of optionsOf(command)) lines.push(`complete -c muse-bus ${here} ${fishOption(option)}`);
  }
  return lines.join('\n');
}

function fishOption({ short, long, description, required }: Option): string {
  const values = FLAG_VALUES[long ?? ''];
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
    ...(required ? ['-r'] : []),
    ...(values === undefined ? [] : [fishValues(values)]),
    `-d ${quoted(description)}`,
  ].join(' ');
}

function fishValues(values: Values): string {
  if (values === 'files') return '-F';
  if (values === 'directories') return "-a '(__fish_complete_directories)'";
  return `-a ${quoted(values.join(' '))}`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
