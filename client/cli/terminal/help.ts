import type { Argument, Command, Option } from 'commander';

/** What the help of a command shows besides its flags. */
export interface Help {
  /** Command lines, and what each does. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  readonly exits: Readonly<Record<number, string>>;
}

/** The exit codes of most commands. */
export const USUAL_EXITS: Help['exits'] = {
  0: 'success',
  1: 'bad arguments or failure',
};

const HELPS = new WeakMap<Command, Help>();

/** What {@link withHelp} was given, for the manual page. */
export const helpOf = (command: Command): Help | undefined => HELPS.get(command);

/** Adds examples before the help and exit codes after it. */
export function withHelp(command: Command, help: Help): Command {
  const { examples, exits } = help;
  HELPS.set(command, help);
  const width = Math.max(...examples.map(([line]) => line.length));
  const shown = examples.map(([line, effect]) => `  ${line.padEnd(width)}   ${effect}`).join('\n');
  const codes = Object.entries(exits).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return command
    .addHelpText('before', `Examples:\n${shown}\n`)
    .addHelpText('after', `\nExit codes:\n${codes.join('\n')}`);
}

/**
 * Lists the choices in the help and completes them in a shell. Commander does not check them: the commands take other
 * spellings too, such as plurals, and say what may have been meant.
 */
export function withChoices<T extends Option | Argument>(taker: T, choices: readonly string[] | undefined): T {
  if (choices !== undefined) taker.argChoices = [...choices];
  return taker;
}

/** A flag that may be given several times. */
export const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
