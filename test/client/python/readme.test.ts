import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PACKAGE, runServed, whyNoPython } from './python.js';

const skip = whyNoPython('websockets') ?? false;
const README = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const EXAMPLES = [...README.matchAll(/^```python\n([^]*?)^```/gm)].map(([, text]) => text!);

/** Around an example: what stands before it, and where it is run. */
const BEFORE = [
  'import os, served',
  'os.chdir(served.ROOT)',
  'served.write("reservation", "r1", {"run_id": "a", "addresses": ["src/billing.py"], "expires_at": served.in_future(0.5)})',
  'for id in "abc": served.write("task", id, {})',
  '',
].join('\n');

t.test('every example of the README runs as it stands', { skip }, async (t) => {
  t.equal(EXAMPLES.length, 3);
  for (const example of EXAMPLES) {
    // The one for tests is the inside of a test.
    const isInside = /^bus = await/m.test(example);
    const text = isInside
      ? `import asyncio\nasync def main():\n${example.replace(/^(?=.)/gm, '    ')}\nasyncio.run(main())\n`
      : example;
    const { code, report } = await runServed(['-c', BEFORE + text], {});
    t.equal(code, 0, report);
  }
});
