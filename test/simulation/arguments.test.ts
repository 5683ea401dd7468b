import t from 'tap';
import { ArgumentsError, readArguments } from './arguments.js';

t.test('a seed alone is one life', async (t) => {
  t.match(readArguments(['--seed', '7']), { is: 'lives', firstSeed: 7, maxLives: 1, maxSeconds: Infinity });
});

t.test('nothing at all is a minute of lives from any seed', async (t) => {
  t.match(readArguments([]), { is: 'lives', firstSeed: undefined, maxLives: Infinity, maxSeconds: 60 });
});

t.test('each bound holds alone and together', async (t) => {
  t.match(readArguments(['--lives', '3']), { maxLives: 3, maxSeconds: Infinity });
  t.match(readArguments(['--seed', '1', '--seconds', '9']), { maxLives: Infinity, maxSeconds: 9 });
  t.match(readArguments(['--lives', '3', '--seconds', '9', '--json']), { maxLives: 3, maxSeconds: 9, isJson: true });
  t.match(readArguments(['--seconds', '9', '--processor']), { maxSeconds: 9, countsProcessor: true });
});

t.test('an invalid argument is refused, and the message names what is valid', async (t) => {
  const table: [string[], RegExp][] = [
    [['--seed', 'x'], /--seed: 'x' is not a whole number from 0/],
    [['--seed', '-1'], /--seed/],
    [['--lives', '0'], /--lives: '0' is not a whole number from 1/],
    [['--seconds', '1.5'], /--seconds/],
    [['--sed', '1'], /--sed/],
    [['1'], /1/],
    [['--with', 'earthquake'], /'earthquake' is none of kill, stop/],
    [['--keep', 'a-name'], /--keep needs --seed/],
    [['--keep', '../x', '--seed', '1'], /is no name/],
    [['--shows', 'x'], /--shows needs --keep/],
    [['--only', 'x'], /--only needs --planted/],
  ];
  for (const [args, message] of table) t.throws(() => readArguments(args), { constructor: ArgumentsError, message });
});
