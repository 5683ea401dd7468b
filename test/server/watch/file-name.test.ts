import t from 'tap';
import { silentLog } from '../../../server/runtime/log.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { readFileName } from '../../../server/watch/file-name.js';

t.test('the id of a record is the file name without .json', async (t) => {
  for (const id of ['a', 'r-1', 'sha256:0f', 'a.b', 'a b', 'ä', '\u{1f600}', 'x.json', '-', 'x'.repeat(256)]) {
    t.same(readFileName(`${id}.json`, 256), { is: 'record', id });
  }
});

t.test('other file names are no records', async (t) => {
  for (const name of ['', 'x', '.json', '.x.json', '.tmp', 'x.json~', 'x.json.tmp', 'x.JSON', 'x.jsonl', 'json']) {
    t.same(readFileName(name, 256), { is: 'other' }, name);
  }
});

t.test('a name that would deceive or break a reader is refused', async (t) => {
  for (const id of [
    'a\nb',
    'a\u0000',
    '\u001b[31m',
    'a\u007f',
    '\u0085',
    'a\u200eb',
    'a\u202eb',
    'a\u2066b',
    '\ufeffa',
    'a\ufffd',
  ]) {
    t.same(readFileName(`${id}.json`, 256), { is: 'refused', why: 'unprintable' }, JSON.stringify(id));
  }
  for (const id of ['x'.repeat(257), 'ä'.repeat(129), '\u{1f600}'.repeat(65)]) {
    t.same(readFileName(`${id}.json`, 256), { is: 'refused', why: 'too-long' });
  }
  t.same(readFileName('src\\a.py.json', 256), { is: 'refused', why: 'backslash' });
  t.equal(readFileName(`${'ä'.repeat(128)}.json`, 256).is, 'record', 'bytes are counted, not characters');
});

t.test('temporary files with ever new names are counted up to a bound, and take no more memory or time', async (t) => {
  const ignored = new IgnoredFiles(new Warnings(silentLog), 255);
  for (let i = 0; i < 1_500; i++) ignored.idOf('task', `.t${String(i % 1_000)}.tmp`, 'hint');
  t.equal(ignored.count, 1_000, 'each name once');
  for (let i = 0; i < 5_000; i++) ignored.idOf('task', `.u${String(i)}.tmp`, 'hint');
  t.equal(ignored.count, 2_000);
  t.equal(ignored.idOf('task', 'a.json', 'hint'), 'a');
});
