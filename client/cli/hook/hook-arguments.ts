import { CliError } from '../cli-error.js';
import type { HookFlags } from './hook.js';

const FLAGS: Readonly<Record<string, keyof HookFlags>> = {
  '--run-id': 'runId',
  '--branch': 'branch',
  '-b': 'branch',
  '--root': 'root',
  '--when-unknown': 'whenUnknown',
};

const LONG = /^(--[^=]+)(?:=([^]*))?$/;
const SHORT = /^(-b)([^]+)?$/;

/**
 * Reads the arguments of `muse-bus hook` as the parser of the other commands does. That of Node would take longer than all that a hook does
 * before it asks the bus.
 * @throws CliError for an unknown flag, one without a value, and more than one harness.
 */
export function readHookArguments(args: readonly string[]): { readonly harness: string; readonly flags: HookFlags } {
  const flags: { -readonly [K in keyof HookFlags]: HookFlags[K] } = {};
  const harnesses: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') harnesses.push(...rest.splice(0));
    else if (!arg.startsWith('-') || arg === '-') harnesses.push(arg);
    else {
      const [, name = '', value] = LONG.exec(arg) ?? SHORT.exec(arg) ?? [];
      const flag = FLAGS[name];
      if (flag === undefined) throw new CliError(`unknown option ${arg}`);
      flags[flag] = value ?? next(name, rest);
    }
  }
  const [harness = '', ...others] = harnesses;
  if (others.length > 0) throw new CliError(`hook takes one harness, got ${harnesses.join(' ')}`);
  return { harness, flags };
}

function next(name: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined || value.startsWith('-')) throw new CliError(`${name} needs a value; write ${name}=VALUE`);
  return value;
}
