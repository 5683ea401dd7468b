import fc from 'fast-check';
import t from 'tap';
import { fromVisibleText, isVisible, jsonLine, visibleJson, visibleText } from '../../protocol/index.js';
import { forbiddenIn, HOSTILE_TEXTS } from '../support/hostile-texts.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes)),
  fc
    .array(fc.constantFrom(...Object.values(HOSTILE_TEXTS), '\\', 'u{', '\\u{', '}', '5c'))
    .map((parts) => parts.join('')),
);

for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
  t.test(`${name} is shown visibly, and can be read back`, async (t) => {
    t.same(forbiddenIn(visibleText(text)), []);
    t.equal(fromVisibleText(visibleText(text)), text);
    t.same(forbiddenIn(jsonLine({ [text]: text })), []);
    t.same(JSON.parse(jsonLine({ [text]: text })), { [text]: text });
  });
}

t.test('invisible characters are written as their codes, and all other characters stay unchanged', async (t) => {
  t.equal(visibleText('a\u200bb\n\u{e0041}'), 'a\\u{200b}b\\u{a}\\u{e0041}');
  for (const plain of ['', 'src/a.py::f', 'C:\\users', 'größer', '日本語', 'שלום', '😀', 'e\u0301', 'नमस्ते']) {
    t.equal(visibleText(plain), plain);
    t.ok(isVisible(plain));
  }
  t.notOk(isVisible('a\u200b'));
});

t.test('no text is shown with an invisible character, and two different texts never look the same', async () => {
  fc.assert(fc.property(anyText, (text) => forbiddenIn(visibleText(text)).length === 0));
  fc.assert(fc.property(anyText, (text) => fromVisibleText(visibleText(text)) === text));
});

t.test('a line of JSON keeps its value, and has no invisible character', async () => {
  const values = fc.dictionary(anyText, fc.oneof(anyText, fc.jsonValue()));
  fc.assert(
    fc.property(values, (value) => {
      const line = jsonLine(value);
      return forbiddenIn(line).length === 0 && JSON.stringify(JSON.parse(line)) === JSON.stringify(value);
    }),
  );
});

t.test('JSON from another program keeps its value, even with white space between values', async (t) => {
  const written = '\t{ "a":\r "\u2028\u007f" }';
  t.same(JSON.parse(visibleJson(written)), { a: '\u2028\u007f' });
  t.same(forbiddenIn(visibleJson(written)), []);
});
