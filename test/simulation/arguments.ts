import { parseArgs } from 'node:util';
import { WORLD_TRAITS, type WorldTrait } from './world/traits.js';

/** What the simulator must do. */
export type Request =
  | { readonly is: 'help' }
  /** Runs lives one after the other until one of the bounds is reached. */
  | {
      readonly is: 'lives';
      /** The first seed; `undefined`: a random one. */
      readonly firstSeed: number | undefined;
      readonly maxLives: number;
      readonly maxSeconds: number;
      /** Whether `maxSeconds` are of the processor, and not of the clock on the wall. */
      readonly countsProcessor: boolean;
      readonly isJson: boolean;
      readonly withStory: boolean;
      readonly shrinks: boolean;
      /** Whether the first life that violates a rule ends the run. */
      readonly untilViolation: boolean;
      /** Runs only lives with all of these. */
      readonly withTraits: readonly WorldTrait[];
    }
  /** Makes one life short and keeps it for ever. */
  | { readonly is: 'keep'; readonly name: string; readonly seed: number; readonly shows: string | undefined }
  /** Plants faults in the product and searches for them; `only`: faults whose names contain this text. */
  | { readonly is: 'planted'; readonly only: string; readonly maxSeconds: number; readonly isJson: boolean }
  /** Runs lives and counts each transition of a state. */
  | {
      readonly is: 'transitions';
      readonly firstSeed: number;
      readonly maxLives: number;
      readonly maxSeconds: number;
      readonly isJson: boolean;
    };

/** An error in the arguments; the message is for the user. */
export class ArgumentsError extends Error {}

export const USAGE = `npm run simulate -- [options]

  --seed N            the first life's seed; default: one by chance, which is printed
  --lives M           how many lives; default: one where only --seed is given, otherwise no bound
  --seconds S         how long, in real time; default: 60 where neither --seed nor --lives is given
  --processor         counts the seconds that this process has used the processor, as if the machine had nothing else to do
  --json              ends in one line of JSON on standard output
  --story             tells what happened in each life that violates a rule; of a single life in any case
  --with TRAIT        only lives with this fault or other trait of the world; may be given again, for lives with all of them
  --until-violation   ends with the first violation
  --no-shrink         leaves a violating life as long as it is
  --keep NAME         makes the life --seed N short, and keeps it as test/simulation/seeds/NAME.json
  --shows TEXT        what the kept life shows, in one line
  --planted           plants each fault of test/simulation/planted/ in turn, and looks for it
  --only TEXT         only planted faults with this in their names
  --transitions       counts each change of a state that the lives pass through
`;

const OPTIONS = {
  seed: { type: 'string' },
  lives: { type: 'string' },
  seconds: { type: 'string' },
  processor: { type: 'boolean' },
  json: { type: 'boolean' },
  story: { type: 'boolean' },
  with: { type: 'string', multiple: true },
  'until-violation': { type: 'boolean' },
  'no-shrink': { type: 'boolean' },
  keep: { type: 'string' },
  shows: { type: 'string' },
  planted: { type: 'boolean' },
  only: { type: 'string' },
  transitions: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const DEFAULT_SECONDS = 60;
/** A name that is a valid file name on every system. */
const NAME = /^[a-z0-9][a-z0-9-]*$/;

/** Parses the arguments. @throws ArgumentsError for invalid ones */
export function readArguments(args: readonly string[]): Request {
  const values = parsed(args);
  if (values.help) return { is: 'help' };
  const firstSeed = numberOf('seed', values.seed, 0);
  const lives = numberOf('lives', values.lives, 1);
  const seconds = numberOf('seconds', values.seconds, 1);
  if (values.keep !== undefined) {
    if (!NAME.test(values.keep)) throw new ArgumentsError(`--keep: '${values.keep}' is no name: a-z, 0-9 and -`);
    if (firstSeed === undefined) throw new ArgumentsError('--keep needs --seed: which life is to be kept?');
    return { is: 'keep', name: values.keep, seed: firstSeed, shows: values.shows };
  }
  if (values.shows !== undefined) throw new ArgumentsError('--shows needs --keep');
  if (values.planted)
    return { is: 'planted', only: values.only ?? '', maxSeconds: seconds ?? DEFAULT_SECONDS, isJson: !!values.json };
  if (values.only !== undefined) throw new ArgumentsError('--only needs --planted');
  const bounds = boundsOf(firstSeed, lives, seconds);
  if (values.transitions) return { is: 'transitions', firstSeed: firstSeed ?? 1, ...bounds, isJson: !!values.json };
  return {
    is: 'lives',
    firstSeed,
    ...bounds,
    countsProcessor: !!values.processor,
    isJson: !!values.json,
    withStory: !!values.story,
    shrinks: !values['no-shrink'],
    untilViolation: !!values['until-violation'],
    withTraits: (values.with ?? []).map(traitOf),
  };
}

function boundsOf(seed: number | undefined, lives: number | undefined, seconds: number | undefined) {
  const isOneLife = seed !== undefined && lives === undefined && seconds === undefined;
  const isUnbounded = lives === undefined && seconds === undefined;
  return {
    maxLives: isOneLife ? 1 : (lives ?? Infinity),
    maxSeconds: seconds ?? (isUnbounded && !isOneLife ? DEFAULT_SECONDS : Infinity),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new ArgumentsError((error as Error).message);
  }
}

function traitOf(text: string): WorldTrait {
  const trait = WORLD_TRAITS.find((each) => each === text);
  if (trait === undefined) throw new ArgumentsError(`--with: '${text}' is none of ${WORLD_TRAITS.join(', ')}`);
  return trait;
}

function numberOf(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
  throw new ArgumentsError(`--${name}: '${text}' is not a whole number from ${String(least)}`);
}
