import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
interface Config<T extends Options> {
  readonly args: string[];
  readonly options: T;
  readonly allowPositionals: true;
}
type Arguments<T extends Options> = ReturnType<typeof parseArgs<Config<T>>>;

/**
 * Reads the arguments of a script of this repository. With `--help` it prints how the script is used and ends the process; with an unknown or
 * incomplete option it says which, too.
 */
export function readScriptArguments<const T extends Options>(usage: string, options: T): Arguments<T> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    process.exit(0);
  }
  try {
    return parseArgs<Config<T>>({ args, options, allowPositionals: true });
  } catch (error) {
    // Node adds how to give a file name that begins with a hyphen.
    return refuseArguments((error as Error).message.replace(/\. To .*/s, ''), usage);
  }
}

/** Ends the process: the arguments are wrong. */
export function refuseArguments(why: string, usage: string): never {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(2);
}
