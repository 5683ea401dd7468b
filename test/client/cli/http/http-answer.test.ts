import t from 'tap';
import { HttpAnswerReader, type HttpAnswer } from '../../../../client/cli/commands/http-answer.js';

const MAX_BYTES = 100;

/** @returns the answer in pieces of so many bytes; `undefined` if it is not complete. */
function read(text: string, pieceBytes: number): HttpAnswer | undefined {
  const reader = new HttpAnswerReader(MAX_BYTES);
  const bytes = Buffer.from(text);
  let answer: HttpAnswer | undefined;
  for (let at = 0; at < bytes.length; at += pieceBytes) answer = reader.take(bytes.subarray(at, at + pieceBytes));
  return answer;
}

const PIECES = [1, 2, 3, 7, 1_000];
const lines = (...all: string[]): string => all.join('\r\n');

const COMPLETE: Readonly<Record<string, readonly [text: string, status: number, body: string]>> = {
  'a length': [lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'vélo'), 200, 'vélo'],
  'a length of nothing': [lines('HTTP/1.1 401 Unauthorized', 'content-length:0', '', ''), 401, ''],
  'no reason': [lines('HTTP/1.1 503', 'Content-Length: 2', '', 'no'), 503, 'no'],
  chunks: [
    lines(
      'HTTP/1.1 200 OK',
      'Transfer-Encoding: chunked',
      '',
      '3',
      'abc',
      'A;x=y',
      '0123456789',
      '0',
      'Trailer: x',
      '',
      '',
    ),
    200,
    'abc0123456789',
  ],
  'chunks that hold ends of lines': [
    lines('HTTP/1.1 200 OK', 'Transfer-Encoding: Chunked', '', '4', '\r\n\r\n', '0', '', ''),
    200,
    '\r\n\r\n',
  ],
  'an interim answer before it': [
    lines('HTTP/1.1 103 Early Hints', 'Link: </x>', '', 'HTTP/1.1 200 OK', 'Content-Length: 1', '', 'x'),
    200,
    'x',
  ],
  'no content': [lines('HTTP/1.1 204 No Content', '', ''), 204, ''],
};

for (const [what, [text, status, body]] of Object.entries(COMPLETE)) {
  t.test(`an answer with ${what} is the same in any pieces`, (t) => {
    for (const bytes of PIECES) t.same(read(text, bytes), { status, body });
    t.equal(read(text.slice(0, -1), 1), undefined, 'and not complete before its last byte');
    t.end();
  });
}

t.test('without a length the answer ends with the connection; with one, that is an error', (t) => {
  const reader = new HttpAnswerReader(MAX_BYTES);
  t.ok(reader.isUntouched);
  t.equal(reader.take(Buffer.from(lines('HTTP/1.0 200 OK', '', 'all'))), undefined);
  t.notOk(reader.isUntouched);
  t.same(reader.end(), { status: 200, body: 'all' });
  for (const begun of ['', 'HTTP/1.1 200 OK\r\n', lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'abc')]) {
    const cut = new HttpAnswerReader(MAX_BYTES);
    cut.take(Buffer.from(begun));
    t.throws(() => cut.end(), { message: 'the connection ended before the answer did' });
  }
  t.end();
});

const head = (...headers: string[]): string => lines('HTTP/1.1 200 OK', ...headers, '', '');
const REFUSED: Readonly<Record<string, string>> = {
  'is not HTTP': 'SSH-2.0-OpenSSH_9.6\r\n',
  'has a header without a name': head(': x'),
  'has two lengths': head('Content-Length: 1', 'Content-Length: 1'),
  'has a length that is no number': head('Content-Length: 0x10'),
  'has a negative length': head('Content-Length: -1'),
  'is encoded in another way': head('Transfer-Encoding: gzip, chunked'),
  'has a chunk without a size': lines(head('Transfer-Encoding: chunked'), ''),
  'has a chunk longer than its size': `${head('Transfer-Encoding: chunked')}1\r\nab\r\n`,
  'is too long by its length': `${head('Content-Length: 101')}${'x'.repeat(101)}`,
  'is too long by its chunks': head('Transfer-Encoding: chunked') + `40\r\n${'x'.repeat(64)}\r\n`.repeat(2),
  'never ends': `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(101)}`,
  'has a line without an end': 'x'.repeat(20_000),
  'has headers without an end': `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(200)}`,
};

for (const [what, text] of Object.entries(REFUSED)) {
  t.test(`an answer that ${what} is refused`, (t) => {
    for (const bytes of PIECES) t.throws(() => read(text, bytes), Error);
    t.end();
  });
}
