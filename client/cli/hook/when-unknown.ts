import { CliError } from '../cli-error.js';
import type { WhenUnknown } from './decision.js';

/** @param name the flag or parameter, for the error. @throws CliError */
export function readWhenUnknown(text = 'pass', name = '--when-unknown'): WhenUnknown {
  if (text === 'pass' || text === 'deny') return text;
  throw new CliError(`${name} must be pass or deny, got ${text}`);
}
