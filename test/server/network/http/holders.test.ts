import t from 'tap';
import { connect } from '../../../../client/sdk/index.js';
import { HttpClient } from '../../../support/http-client.js';
import { inFuture, reservation } from '../../../support/leases.js';
import { ServedRepository } from '../../../support/served-repository.js';

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}: the holders of an address, in any spelling, and of anything that it covers`, async (t) => {
    const repository = new ServedRepository({ transport });
    t.teardown(() => repository.stop());
    const extended = inFuture(7_200_000);
    const written = inFuture(3_600_000);
    repository.rename('reservation', 'r1', reservation('a', ['src/a.py::Invoice'], { expires_at: written }));
    repository.rename('heartbeat', 'r1', { run_id: 'a', reservation_id: 'r1', extended_expires_at: extended });
    repository.rename('reservation', 'r2', reservation('b', ['docs/'], { branch: 'dev' }));
    repository.rename('reservation', 'plus', reservation('p', ['app/+page.ts', 'café.py'], { branch: 'c++' }));
    repository.rename('reservation', 'past', reservation('c', ['src/a.py'], { expires_at: inFuture(-1_000) }));
    repository.rename('reservation', 'none', reservation('d', ['src/a.py'], { expires_at: 'soon' }));
    const client = new HttpClient(await repository.start());
    await using bus = await connect({ root: repository.root });
    const asked = async (query: string) => (await client.get(`/holders?${query}`)).json() as Promise<unknown>;

    t.match(await asked('address=src/a.py'), {
      free: 'no',
      addresses: ['src/a.py'],
      holders: [
        {
          reservation: 'r1',
          run_id: 'a',
          branch: 'main',
          addresses: ['src/a.py::Invoice'],
          state: 'live',
          expires_at: written,
          effective_expires_at: extended,
          extended_by: 'r1',
        },
      ],
    });
    const holders = async (query: string): Promise<string> =>
      ((await asked(query)) as { holders: { reservation: string }[] }).holders.map((each) => each.reservation).join();
    for (const address of ['./src/a.py', 'src//a.py', 'src/a.py::', 'src/a.py::Invoice.render', 'src/', 'src', 'src/*'])
      t.equal(await holders(`address=${encodeURIComponent(address)}`), 'r1', address);
    t.equal(await holders('address=docs/x/y.md'), 'r2');
    t.equal(await holders('address=docs/x&address=src/a.py'), 'r2,r1');
    t.equal(await holders('address=docs/x&branch=main'), '');
    t.equal(await holders('address=docs/x&branch=refs/heads/dev'), 'r2');
    for (const address of ['src/?.py', 'app/+page.ts', 'app/%2Bpage.ts', 'caf%C3%A9.py'])
      t.not(await holders(`address=${address}`), '', `${address}: what may be meant is asked about`);
    t.equal(await holders('address=src/free.py%0Aapp/%2Bpage.ts&branch=c%2B%2B'), 'plus', 'one address a line');
    t.match(await asked('address=src/free.py'), { free: 'yes', holders: [] });
    repository.remove('reservation', 'r2');
    await bus.sync();
    t.match(await asked('address=docs/x'), { free: 'yes', holders: [] }, 'what is gone is asked for again');
  });
}

for (const transport of ['uws', 'ws'] as const) {
  t.test(
    `over ${transport}: what concerns a run comes with the same answer, also since when a holder is silent`,
    async (t) => {
      const repository = new ServedRepository({ transport });
      t.teardown(() => repository.stop());
      repository.rename('reservation', 'r1', reservation('a', ['src/a.py']));
      repository.rename('reservation', 'past', reservation('a', ['src/old.py'], { expires_at: inFuture(-1_000) }));
      repository.rename('intent', 'i1', { run_id: 'b', addresses: ['src/a.py::f'], operation: 'modify' });
      const beaten = inFuture(-600_000);
      repository.rename('reservation', 'r2', reservation('c', ['src/c.py']));
      repository.rename('heartbeat', 'r2', { run_id: 'c', reservation_id: 'r2', last_beat_at: beaten });
      const client = new HttpClient(await repository.start());
      const asked = async (query: string): Promise<unknown> => (await client.get(`/holders?${query}`)).json();
      t.match(await asked('address=src/c.py'), { holders: [{ state: 'suspect', silent_since: beaten }] });
      t.match(await asked('run_id=a'), {
        addresses: [],
        run: {
          leases: [
            { reservation: 'past', state: 'lapsed' },
            { reservation: 'r1', state: 'live' },
          ],
          waiters: [{ run_id: 'b', for: 'a', by: 'intent', record: 'i1', wanted: 'src/a.py::f', blocked_by: 'r1' }],
          waits: [],
          is_complete: true,
        },
      });
      t.match(await asked('run_id=b&address=src/a.py'), {
        free: 'no',
        run: { leases: [], intents: ['i1'], waits: [{ wanted: 'src/a.py::f' }] },
      });
    },
  );
}

t.test('a query without a valid address is refused with the reason', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  const client = new HttpClient(await repository.start());
  for (const [query, why] of [
    ['', /address is missing/],
    ['address=', /address is empty/],
    ['address=%20', /address is empty/],
    ['address=/etc/passwd', /absolute path/],
    ['address=!src/a.py', /begins with !/],
    ['address=../x', /outside of the repository/],
    ['addres=x', /did you mean address\?/],
    ['address=x&branch=a&branch=b', /branch can be given once/],
    ['address=x&branch=%20', /branch is empty/],
    ['address=x&branch=c++', /branch has a \+; write %2B for a plus/],
    ['run_id=a&run_id=b', /run_id can be given once/],
    ['address=caf%e9.py', /"address" is not UTF-8 in percent-encoding/],
    ['address=src%', /"address" is not UTF-8 in percent-encoding/],
  ] as const) {
    const response = await client.get(`/holders?${query}`);
    t.equal(response.status, 400, query);
    t.match(await response.text(), why, query);
  }
});
