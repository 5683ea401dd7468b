import { Argument, Command, type Option } from 'commander';
import { asTyped, CliError } from '../cli-error.js';
import { USUAL_EXITS, withChoices, withHelp } from '../terminal/help.js';
import { flagOf } from '../settings/setting.js';
import { LIMIT_NAMES, SETTINGS } from '../settings/settings.js';
import type { Terminal } from '../terminal/terminal.js';
import { COMPLETED, type Completed } from './complete.js';

/** The possible values of a word; the shell itself completes `files` and `directories`, and the current records the rest. */
type Values = readonly string[] | 'files' | 'directories' | Completed;

const COMPLETED_FLAGS: Readonly<Record<string, Completed>> = {
  '--run-id': 'run-id',
  '--branch': 'branch',
  '--address': 'address',
  '--free': 'address',
};
const isCompleted = (values: Values): values is Completed => COMPLETED.some((one) => one === values);

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export function completionCommand(terminal: Terminal, program: Command): Command {
  const command = new Command('completion')
    .description('print a script that completes commands, flags and values in your shell')
    .addArgument(withChoices(new Argument('<shell>', 'the shell'), SHELLS))
    .action((shell: string) => {
      for (const line of scriptFor(shell, program).split('\n')) terminal.out(line);
    });
  return withHelp(command, {
    examples: [
      ['source <(muse-bus completion bash)', 'in ~/.bashrc'],
      ['source <(muse-bus completion zsh)', 'in ~/.zshrc, after compinit'],
      ['muse-bus completion fish > ~/.config/fish/completions/muse-bus.fish', 'once'],
      ['muse-bus completion powershell | Out-String | Invoke-Expression', 'in $PROFILE'],
    ],
    exits: USUAL_EXITS,
  });
}

function scriptFor(shell: string, program: Command): string {
  switch (shell) {
    case 'bash':
      return bash(program);
    case 'zsh':
      // zsh can use bash's completions once it has the command `complete`.
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;
    case 'fish':
      return fish(program);
    case 'powershell':
      return powershell(program);
    default:
      throw new CliError(`the shell must be one of ${SHELLS.join(', ')}, got ${asTyped(shell)}`);
  }
}

/** The commands that the help lists. */
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

/** Returns the values of an option: its choices, or else files or directories by the name of its value, `<file>` or `<path>`. */
function valuesOfOption({ argChoices, flags, long }: Option): Values | undefined {
  if (long === LIMIT_FLAG) return [...LIMIT_NAMES.keys()].map((name) => `${name}=`);
  if (argChoices !== undefined) return argChoices;
  const completed = COMPLETED_FLAGS[long ?? ''];
  if (completed !== undefined) return completed;
  if (flags.endsWith('<file>')) return 'files';
  return flags.endsWith('<path>') ? 'directories' : undefined;
}

const LIMIT_FLAG = flagOf(SETTINGS.limit);

/** The values of a command's argument: the names of nested commands, its choices, or a file. */
function valuesOfArgument({ commands, registeredArguments: [argument] }: Command): Values | undefined {
  if (commands.length > 0) return commands.map((nested) => nested.name());
  if (argument?.name() === 'address') return 'address';
  return argument?.argChoices ?? (argument?.name() === 'file' ? 'files' : undefined);
}

// ── bash ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function bash(program: Command): string {
  const commands = commandsOf(program);
  const cases = commands.map((command) => {
    const values = valuesOfArgument(command) ?? [];
    const own = isCompleted(values)
      ? `records="${values}"`
      : Array.isArray(values)
        ? `values="${values.join(' ')}"`
        : 'shell=-f';
    return `    ${command.name()}) flags="${flagsOf(command).join(' ')}"; ${own} ;;`;
  });
  return `${BASH_RECORDS}
_muse_bus() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" flags="" values="" shell="" records=""
  COMPREPLY=()
  # The words as they are typed: bash also splits them at colons.
  if [ -n "$COMP_LINE" ]; then
    local line="\${COMP_LINE:0:$COMP_POINT}"
    word="\${line##*[[:space:]]}"
    before="\${line%"$word"}"
    while [[ "$before" == *[[:space:]] ]]; do before="\${before%?}"; done
    before="\${before##*[[:space:]]}"
  fi
  case "$before" in
${bashFlagCases(commands)}
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
    *) if [ -n "$records" ]; then _muse_bus_records "$records" "$word"; return; fi
       COMPREPLY=($(compgen $shell -W "$values" -- "$word")) ;;
  esac
}
complete -o bashdefault -F _muse_bus muse-bus`;
}

/** Values from the records are data of others: they are compared, never expanded as compgen would. */
const BASH_RECORDS = `_muse_bus_records() {
  local value cut="" word="\${2#[\\"\\']}" root=() i
  for ((i = 1; i < \${#COMP_WORDS[@]} - 1; i++)); do
    if [ "\${COMP_WORDS[i]}" = --root ]; then root=(--root "\${COMP_WORDS[i+1]}"); fi
  done
  # bash replaces only what follows the last colon.
  if [ -n "$BASH_VERSION" ] && [[ "$COMP_WORDBREAKS" == *:* && "$2" == "$word" ]]; then cut="\${word%"\${word##*:}"}"; fi
  while IFS= read -r value; do
    if [[ "$value" == "$word"* ]]; then COMPREPLY+=("\${value#"$cut"}"); fi
  done < <(muse-bus complete "$1" "\${root[@]}" 2>/dev/null)
}`;

/** A flag has the same values in all commands. */
function bashFlagCases(commands: readonly Command[]): string {
  const options = new Map(commands.flatMap(optionsOf).map((option) => [option.long, option]));
  return [...options.values()]
    .flatMap((option) => {
      const values = valuesOfOption(option);
      if (values === undefined) return [];
      const names = [option.short, option.long].filter((name) => name !== undefined).join('|');
      if (isCompleted(values)) return [`    ${names}) _muse_bus_records ${values} "$word"; return ;;`];
      const how = values === 'files' ? '-f' : values === 'directories' ? '-d' : `-W "${values.join(' ')}"`;
      const open = option.long === LIMIT_FLAG ? 'compopt -o nospace 2>/dev/null; ' : '';
      return [`    ${names}) ${open}COMPREPLY=($(compgen ${how} -- "$word")); return ;;`];
    })
    .join('\n');
}

// ── fish ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function fish(program: Command): string {
  const lines = [FISH_RECORDS, 'complete -c muse-bus -f'];
  for (const command of commandsOf(program)) {
    const name = command.name();
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c muse-bus -n __fish_use_subcommand -a ${name} -d ${quoted(command.description())}`);
    const values = valuesOfArgument(command);
    if (values !== undefined) lines.push(`complete -c muse-bus ${here} ${fishValues(values)}`);
    for (const option of optionsOf(command)) lines.push(`complete -c muse-bus ${here} ${fishOption(option)}`);
  }
  return lines.join('\n');
}

/** Values from the records of the repository that the line names, or else of the one around the working directory. */
const FISH_RECORDS = `function _muse_bus_records
  set -l words (commandline -opc)
  set -l root
  if set -l at (contains -i -- --root $words)
    set root --root $words[(math $at + 1)]
  end
  muse-bus complete $argv[1] $root 2>/dev/null
end`;

function fishOption(option: Option): string {
  const { short, long, description, required } = option;
  const values = valuesOfOption(option);
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
    // Only `-x` keeps fish from offering files beside the values.
    ...(required ? [values === 'files' ? '-r' : '-x'] : []),
    ...(values === undefined ? [] : [fishValues(values)]),
    `-d ${quoted(description)}`,
  ].join(' ');
}

function fishValues(values: Values): string {
  if (values === 'files') return '-F';
  if (isCompleted(values)) return `-a '(_muse_bus_records ${values})'`;
  if (values === 'directories') return "-a '(__fish_complete_directories)'";
  return `-a ${quoted(values.join(' '))}`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

// ── PowerShell ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where nothing is offered, PowerShell completes files and directories. */
function powershell(program: Command): string {
  const commands = commandsOf(program);
  const arm = (names: readonly string[], values: Values | undefined): string[] =>
    values === undefined ? [] : [`    { $_ -cin ${listed(names)} } { ${powershellValues(values)}break }`];
  const options = new Map(commands.flatMap(optionsOf).map((option) => [option.long, option]));
  const ofFlags = [...options.values()].flatMap((option) =>
    arm(
      [option.short, option.long].filter((name) => name !== undefined),
      valuesOfOption(option),
    ),
  );
  const ofCommands = commands.flatMap((command) => arm([command.name()], valuesOfArgument(command)));
  const flags = commands.flatMap((command) => arm([command.name()], flagsOf(command)));
  return `${POWERSHELL_BEGIN}
  $found = switch ($words[-1]) {
${ofFlags.join('\n')}
    default {
      if ($words.Count -lt 2) { ${listed([...commands.map((command) => command.name()), '--help', '--version'])} }
      elseif ($word.StartsWith('-')) { switch ($words[1]) {
${flags.join('\n')}
      } }
      else { switch ($words[1]) {
${ofCommands.join('\n')}
      } }
    }
  }
${POWERSHELL_END}`;
}

function powershellValues(values: Values): string {
  if (isCompleted(values)) return `& $records '${values}'; `;
  return typeof values === 'string' ? '' : `${listed(values)}; `;
}

const listed = (texts: readonly string[]): string => texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(', ');

const POWERSHELL_BEGIN = `Register-ArgumentCompleter -Native -CommandName muse-bus -ScriptBlock {
  param($word, $ast, $cursor)
  $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString().Trim("'", '"') })
  $word = $word.TrimStart("'", '"')
  $records = {
    param($what)
    $at = [array]::IndexOf($words, '--root')
    $root = if ($at -ge 0) { '--root', $words[$at + 1] }
    muse-bus complete $what @root 2>$null
  }`;

/** A comma and an at sign have a meaning for PowerShell. */
const POWERSHELL_END = `  $found | Where-Object { $_.StartsWith($word, 'Ordinal') } | ForEach-Object {
    $text = if ($_ -match '[@,%]') { "'$_'" } else { $_ }
    [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
  }
}`;
