import { shellWord } from '../../../protocol/index.js';

/** How a person starts this program again: works in every directory, whether muse-bus is installed or run from a checkout. */
export const ownCommand = (): string => `node ${shellWord(process.argv[1]!)}`;
