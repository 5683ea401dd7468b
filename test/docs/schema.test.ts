import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { connect, type BusEvent } from '../../client/sdk/index.js';
import {
  ERROR_CODES,
  EVENT_TYPES,
  EXPLAIN_CODES,
  KINDS,
  MessageType,
  PROBLEMS,
  readClientMessage,
  REASONS,
  VERDICTS,
  VERSION,
  type DataOf,
  type Kind,
  type RecordData,
} from '../../protocol/index.js';
import { HttpClient } from '../support/http-client.js';
import { RawClient } from '../support/raw-client.js';
import { ServedRepository } from '../support/served-repository.js';
import { until } from '../support/until.js';

interface Schema {
  readonly $defs: Readonly<Record<string, Schema>>;
  readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  readonly prefixItems?: readonly { readonly const?: number; readonly enum?: readonly (string | null)[] }[];
}

const DOCS = new URL('../../docs/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, DOCS), 'utf8');
const schema = (name: string): Schema => JSON.parse(read(`schema/${name}`)) as Schema;

const EVENT = schema('event.json');
const RECORD = schema('record.json');
const WIRE = schema('wire.json');

const ajv = new Ajv2020({
  strict: true,
  allErrors: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
});
ajv.addSchema(EVENT, 'event.json').addSchema(RECORD, 'record.json').addSchema(WIRE, 'wire.json');
const validator = (ref: string): ValidateFunction => ajv.getSchema(ref)!;

function valid(t: Test, ref: string, value: unknown, name: string): void {
  const validate = validator(ref);
  t.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`);
}

/** All fields of the type of a record. The compiler requires a complete list, which is compared with the schema. */
type Whole<K extends Kind> = {
  readonly [F in keyof DataOf<K> as string extends F ? never : F]-?: NonNullable<DataOf<K>[F]>;
};

const at = '2026-03-30T15:00:00Z';
const common = { run_id: 'a', branch: 'b', addresses: ['src/a.py::f'], created_at: at };
const WHOLE: { readonly [K in Kind]: Whole<K> } = {
  reservation: { ...common, reservation_id: 'r', expires_at: at, operation: 'edit' },
  intent: { ...common, intent_id: 'i', reservation_id: 'r', operation: 'edit', detail: 'd' },
  release: { ...common, release_id: 'x', reservation_id: 'r', reason: 'done', released_at: at },
  heartbeat: { ...common, reservation_id: 'r', extended_expires_at: at, last_beat_at: at },
  task: { ...common, task_id: 't', title: 'T', status: 'open' },
  claim: { ...common, claim_id: 'c', task_id: 't', claimed_at: at },
  dependency: { ...common, dependency_id: 'd', task_id: 't', depends_on: ['u'] },
};

t.test('the schema of a record has the fields that its type has', async (t) => {
  for (const kind of KINDS) {
    const data: RecordData = WHOLE[kind];
    t.same(Object.keys(RECORD.$defs[kind]!.properties).sort(), Object.keys(data).sort(), kind);
    valid(t, `record.json#/$defs/${kind}`, data, kind);
    t.notOk(validator(`record.json#/$defs/${kind}`)({ run_id: 5 }));
  }
  valid(t, 'record.json#/$defs/dependency', { depends_on: 'u', more: { of: 'it' } }, 'one, and fields of its own');
});

t.test('the names and codes in the schemas are those of the protocol', async (t) => {
  const { event_type, kind, reason, problem } = EVENT.properties;
  t.same(event_type?.enum, EVENT_TYPES);
  t.same(kind?.enum, KINDS);
  t.same(reason?.enum, REASONS);
  t.same(problem?.enum, PROBLEMS);
  t.same(WIRE.$defs['error']?.prefixItems?.[2]?.enum, ERROR_CODES);
  t.same(WIRE.$defs['event']?.prefixItems?.[7]?.enum, [...PROBLEMS, null]);
  const { verdict, reasons } = WIRE.$defs['explanation']!.properties as Record<
    string,
    { enum?: string[]; items?: Schema }
  >;
  t.same(verdict?.enum, VERDICTS);
  t.same(reasons?.items?.properties['code']?.enum, EXPLAIN_CODES);
  const numbers = Object.values(WIRE.$defs).flatMap(({ prefixItems }) => prefixItems?.[0]?.const ?? []);
  t.same(
    numbers.sort((a, b) => a - b),
    Object.values(MessageType).sort((a, b) => a - b),
    'each message has its schema',
  );
});

const CLIENT_MESSAGES: readonly (readonly [ref: string, message: readonly unknown[]])[] = [
  ['subscribe', [1, 7, {}]],
  ['subscribe', [1, 7]],
  ['subscribe', [1, 7, { filter: { kinds: ['tasks'] }, max_events: 5, since: 'E:3', snapshot: 'none' }]],
  ['unsubscribe', [2, 7]],
  ['sync', [3, 1]],
  ['sync', [3, 1, 'task', 't1']],
  ['ping', [4, 1]],
  ['inspect', [5, 1, 'overview', { limit: 3 }]],
  ['inspect', [5, 2, 'explain', { filter: {}, kind: 'task', id: 't1' }]],
  ['name', [6, 'agent-42']],
];
const REFUSED: readonly (readonly unknown[])[] = [
  [1, -1, {}],
  [1, 7, { fliter: {} }],
  [1, 7, { filter: { kinds: [] } }],
  [1, 7, { filter: { kinds: ['tusk'] } }],
  [1, 7, { max_events: 0 }],
  [1, 7, { since: 'yesterday' }],
  [2],
  [5, 1, 'everything'],
  [6, 1],
  [6, ''],
  [7, 1],
];

t.test(
  'the server accepts the client messages that the schema accepts, and refuses those that it refuses',
  async (t) => {
    for (const [name, message] of CLIENT_MESSAGES) {
      valid(t, `wire.json#/$defs/${name}`, message, JSON.stringify(message));
      t.not(readClientMessage(message).type, 'refused');
    }
    for (const message of REFUSED) {
      t.notOk(validator('wire.json')(message), JSON.stringify(message));
      t.equal(readClientMessage(message).type, 'refused');
    }
  },
);

t.test('every event and message matches its schema, over all event types and reasons', async (t) => {
  const repository = new ServedRepository({ heartbeatMs: 20, settleMs: 20 });
  t.teardown(() => repository.stop());
  repository.rename('task', 't1', { branch: 'x' });
  repository.raw('claim', 'c1', '{ torn');
  const endpoint = await repository.start();
  const bus = await connect({ root: repository.root });
  t.teardown(() => bus.close());
  const events: BusEvent[] = [];
  const gather = async (filter = {}) => {
    for await (const event of bus.subscribe(filter)) events.push(event);
  };
  void gather();
  void gather({ branches: ['x'] });
  // Both clients have their snapshots before the first change.
  await bus.sync();
  const raw = await RawClient.connect(endpoint, { encoding: 'json' });
  t.teardown(() => raw.close());
  for (const [, message] of CLIENT_MESSAGES) raw.send(message);
  raw.send([MessageType.subscribe, 8, { since: 'E:3', max_events: 1 }]);
  raw.send([MessageType.subscribe, 9, {}]);
  raw.send([MessageType.unsubscribe, 99]);
  raw.send([MessageType.inspect, 9, 'explain', { sub: 9, kind: 'task', id: 't1' }]);
  raw.send([MessageType.inspect, 10, 'nothing']);
  await raw.received(MessageType.synced);
  repository.rename('reservation', 'r1', { expires_at: new Date(Date.now() + 1_500).toISOString() });
  repository.rename('task', 't1', { branch: 'y' });
  await bus.sync();
  repository.remove('task', 't1');
  await bus.sync();
  await raw.received(MessageType.heartbeat);
  await until('a lease ends', () => events.some(({ event_type }) => event_type === 'expired'));
  const extended_expires_at = new Date(Date.now() + 60_000).toISOString();
  repository.rename('heartbeat', 'h1', { reservation_id: 'r1', extended_expires_at });
  await until('it is revived', () => events.some(({ event_type }) => event_type === 'revived'));

  for (const event of events) valid(t, 'event.json', event, `${event.event_type} ${event.id}`);
  t.same([...new Set(events.map(({ event_type }) => event_type))].sort(), [...EVENT_TYPES].sort(), 'all types');
  t.same(new Set(events.map(({ reason }) => reason)), new Set([undefined, ...REASONS]), 'all reasons');
  const records = (await (await new HttpClient(endpoint).get('/records')).json()) as BusEvent[];
  for (const record of records) valid(t, 'event.json', record, `/records ${record.id}`);

  for (const message of raw.messages) valid(t, 'wire.json', message, JSON.stringify(message).slice(0, 80));
  const seen = new Set(raw.messages.map(([type]) => type));
  const server = Object.values(MessageType).filter((type) => type >= MessageType.welcome);
  t.same(
    server.filter((type) => !seen.has(type)),
    [MessageType.resync],
    'each message has come, but for a resync in mid-stream',
  );
  valid(t, 'wire.json#/$defs/resync', [22, 7, 'lagged'], 'resync');
});

interface Document {
  readonly asyncapi: string;
  readonly info: { readonly version: string };
  readonly channels: Readonly<Record<string, { readonly messages: Readonly<Record<string, unknown>> }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: { readonly schema: { readonly $ref: string } } }>>;
  };
}

t.test('the AsyncAPI document names every message, and each reference has a target', async (t) => {
  const document = parse(read('asyncapi.yaml')) as Document;
  t.equal(document.asyncapi, '3.0.0');
  t.equal(document.info.version, VERSION);
  for (const ref of references(document)) {
    const [file, pointer] = ref.split('#') as [string, string?];
    const target = file === '' ? document : (JSON.parse(read(file)) as unknown);
    t.not(follow(target, pointer ?? ''), undefined, ref);
  }
  const described = Object.values(document.components.messages).map(({ payload }) => payload.schema.$ref);
  const numbers = described.map((ref) => WIRE.$defs[ref.split('/').at(-1)!]?.prefixItems?.[0]?.const);
  t.same(new Set(numbers), new Set(Object.values(MessageType)));
  t.same(Object.keys(document.channels['bus']!.messages), Object.keys(document.components.messages));
});

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : references(inner),
  );
}

function follow(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], value);
}
