import { shellWord, type Kind } from '../../../protocol/index.js';
import type { WaitLine } from './waits.js';

/**
 * A command of muse-bus that can be pasted into a shell. It begins with the installed command and not with npx, which would run whatever
 * package has that name. Options of ours keep their dashes.
 */
export const commandLine = (words: readonly string[]): string =>
  ['muse-bus', ...words.map((word) => (/^--[a-z-]*$/.test(word) ? word : shellWord(word)))].join(' ');

/** Shows who holds an address, which is no option even if it begins with a dash. */
export const holdersCommand = (address: string): readonly string[] =>
  address.startsWith('-') ? ['holders', '--', address] : ['holders', address];

/** Prints the events of a run. */
export const watchRun = (run: string): readonly string[] => ['watch', '--run-id', run, '--json'];

/** Prints the events of a record. */
export const watchRecord = (kind: Kind, id: string): readonly string[] => [
  'watch',
  '--kind',
  kind,
  '--id',
  id,
  '--json',
];

/** Shows what is waited for. */
export const waitCommand = ({ by, wanted }: Pick<WaitLine, 'by' | 'wanted'>): readonly string[] =>
  by === 'intent' ? holdersCommand(wanted[0]!) : ['get', 'tasks'];
