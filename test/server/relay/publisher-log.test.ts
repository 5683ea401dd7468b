import t from 'tap';
import { PublisherLog } from '../../../server/relay/publisher-log.js';
import { RecordingLog } from '../../support/journal-log.js';

t.test('an outage is logged once for each reason, and not without bound, also if its state changes', async (t) => {
  const log = new RecordingLog();
  const publisher = new PublisherLog(log);
  publisher.tell('away', 'no answer for 5 ms', {});
  publisher.tell('away', 'no answer for 7 ms', {});
  t.equal(log.messages('warn').length, 1, 'another number is no other reason');
  for (const letter of 'abcdefghijklmnopqrst') publisher.tell('away', letter, {});
  t.equal(log.messages('warn').length, 16);
  publisher.tell('refused', 'u', {});
  t.equal(log.messages('error').length, 1, 'a change of the state is always logged');
  for (const letter of 'vwxyz') publisher.tell('refused', letter, {});
  t.equal(log.messages('error').length, 1);
  publisher.tell('publishing', '', {});
  publisher.tell('away', 'a', {});
  t.equal(log.messages('warn').length, 17, 'the next outage begins with none');
});
