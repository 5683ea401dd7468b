import t from 'tap';
import { isNaive, parseTimestamp } from '../../../protocol/index.js';

t.test('a time without a zone is UTC', async (t) => {
  t.equal(parseTimestamp('2026-03-30T15:00:00'), Date.UTC(2026, 2, 30, 15));
});

t.test('ISO 8601 is read whole and strictly', async (t) => {
  const cases: [string, number][] = [
    ['2026-03-30T15:00:00Z', Date.UTC(2026, 2, 30, 15)],
    ['2026-03-30T15:00:00z', Date.UTC(2026, 2, 30, 15)],
    ['2026-03-30 15:00:00', Date.UTC(2026, 2, 30, 15)],
    ['2026-03-30T15:00', Date.UTC(2026, 2, 30, 15)],
    ['2026-03-30T15:00:00+00:00', Date.UTC(2026, 2, 30, 15)],
    ['2026-03-30T15:00:00+02:30', Date.UTC(2026, 2, 30, 12, 30)],
    ['2026-03-30T15:00:00-0230', Date.UTC(2026, 2, 30, 17, 30)],
    ['2026-03-30T15:00:00.5Z', Date.UTC(2026, 2, 30, 15, 0, 0, 500)],
    ['2026-03-30T15:00:00.123456+00:00', Date.UTC(2026, 2, 30, 15, 0, 0, 124)],
    ['2026-03-30T15:00:00,123456789Z', Date.UTC(2026, 2, 30, 15, 0, 0, 124)],
    ['2026-03-30T15:00:59.999999Z', Date.UTC(2026, 2, 30, 15, 1)],
    ['2026-03-30T15:00:00.120000Z', Date.UTC(2026, 2, 30, 15, 0, 0, 120)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ];
  for (const [text, expected] of cases) t.equal(parseTimestamp(text), expected, text);
  t.equal(
    parseTimestamp('0099-01-01T00:00:00Z'),
    new Date('0099-01-01T00:00:00Z').getTime(),
    'the year 99 is not 1999',
  );
});

t.test('times that Python writes and reads are read, if their meaning is certain', async (t) => {
  const at = Date.UTC(2026, 2, 30, 15);
  const forms = [
    ...[
      '2026-03-30T15:00:00+00',
      '2026-03-30 15:00:00+00',
      '2026-03-30T17:00:00+02',
      '20260330T150000Z',
      '20260330T150000',
    ],
    ...[
      '20260330 150000+0000',
      '2026-03-30T150000Z',
      '20260330T15:00Z',
      '2026-03-30T15',
      '2026-03-30T15Z',
      '20260330T15+00',
    ],
    ...['2026-03-30T15:00:00 Z', ' 2026-03-30T15:00:00Z', '2026-03-30T15:00:00Z\n'],
    ...['2026-03-30T15:00:00+00:00:00', '2026-03-30t15:00:00z', String(at / 1_000), `${String(at / 1_000)}.0`],
  ];
  for (const text of forms) t.equal(parseTimestamp(text), at, text);
  t.equal(parseTimestamp('2016-12-31T23:59:60Z'), Date.UTC(2017, 0, 1), 'a leap second is the second after it');
  t.equal(parseTimestamp('2026-03-30'), Date.UTC(2026, 2, 30), 'a date alone is its beginning');
  t.equal(parseTimestamp('20260330'), Date.UTC(2026, 2, 30));
  t.equal(parseTimestamp('1774882800.1234567'), 1_774_882_800_124);
  for (const half of ['2026-0330', '202603-30', '2026-03-30T15:0000', '2026-03-30Z', '20260330T1500000']) {
    t.equal(parseTimestamp(half), undefined, half);
  }
});

t.test('texts that only Date.parse takes for a time are refused', async (t) => {
  const refused = [
    ...[
      '',
      '12',
      '2026',
      '2026-03',
      '123456789',
      '12345678901',
      '2025-02-30T00:00:00Z',
      '2025-02-29T00:00:00Z',
      '2026-13-01T00:00:00Z',
    ],
    ...['2026-00-10T00:00:00Z', '2026-03-00T00:00:00Z', '2026-03-30T24:00:00Z', '2026-03-30T15:60:00Z'],
    ...['2026-03-30T15:00:60Z', '2026-03-30T15:00:00+24:00', '2026-03-30T15:00:00+01:60', '2026-03-30T15:00:00  Z'],
    '+002026-03-30T15:00:00Z',
    ...['Mon, 30 Mar 2026 15:00:00 GMT', '２０２６-03-30T15:00:00Z'],
  ];
  for (const text of refused) t.equal(parseTimestamp(text), undefined, JSON.stringify(text));
  for (const value of [undefined, null, 0, 1_774_882_800_000, {}, [], new Date()])
    t.equal(parseTimestamp(value), undefined);
});

t.test('the bounds of each part belong to it, and what lies beyond them is refused', async (t) => {
  for (const [year, days] of [
    ['2023', 365],
    ['2024', 366],
    ['1900', 365],
    ['2000', 366],
  ] as const) {
    const months = Array.from({ length: 14 }, (_, month) => String(month).padStart(2, '0'));
    const dates = months.flatMap((month) =>
      Array.from({ length: 33 }, (_, day) => `${year}-${month}-${String(day).padStart(2, '0')}`),
    );
    const read = dates.filter((date) => parseTimestamp(date) !== undefined);
    t.equal(read.length, days, year);
    t.ok(
      read.every((date) => parseTimestamp(date) === Date.parse(date)),
      'each is the day that it says',
    );
  }
  for (const [text, expected] of [
    ['2026-03-30T23:59:59Z', Date.UTC(2026, 2, 30, 23, 59, 59)],
    ['2026-03-30T00:00:00+23:59:59', Date.UTC(2026, 2, 29, 0, 0, 1)],
    ['2026-03-30T00:00:00-23:59', Date.UTC(2026, 2, 30, 23, 59)],
    ['2026-03-30T00:00:00+00:00:60', undefined],
    ['2026-03-30T15:00:61Z', undefined],
    ['2016-12-31T18:59:60-05:00', Date.UTC(2017, 0, 1)],
    ['2016-12-31T23:59:60.5Z', Date.UTC(2017, 0, 1, 0, 0, 0, 500)],
    ['2016-12-31T23:59:60.9995Z', Date.UTC(2017, 0, 1, 0, 0, 1)],
    ['2016-12-31T23:58:60Z', undefined],
    ['2026-03-30T15:00:00.1230000000001Z', Date.UTC(2026, 2, 30, 15, 0, 0, 124)],
    ['9999-12-31T23:59:59.9999Z', Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
    ['9999-12-31T23:59:59-01:00', Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
    ['0000-01-01T00:00:00Z', new Date('0000-01-01T00:00:00Z').getTime()],
    [`2026-03-30T15:00:00Z${' '.repeat(20)}`, Date.UTC(2026, 2, 30, 15)],
    [`2026-03-30T15:00:00Z${' '.repeat(21)}`, undefined],
    ['1774882800.0000000001', undefined],
    ['a1774882800', undefined],
    ['1774882800a', undefined],
  ] as const)
    t.equal(parseTimestamp(text), expected, text);
});

t.test('a time without a zone is told from one that has it, for a warning', async (t) => {
  for (const text of ['2026-03-30T15:00:00', ' 2026-03-30 ', '20260330T15', '2026-03-30T15:00:00.5'])
    t.ok(isNaive(text), text);
  for (const text of ['2026-03-30T15:00:00Z', '2026-03-30T15:00:00z', '20260330T15-02', '1774882800', 'soon', ''])
    t.notOk(isNaive(text), text);
  t.ok(isNaive(`2026-03-30${' '.repeat(30)}`));
  t.notOk(isNaive(`2026-03-30${' '.repeat(31)}`), 'a text that is too long is no time');
});
