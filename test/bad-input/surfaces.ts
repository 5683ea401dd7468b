import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ASK_OPTIONS } from '../../client/sdk/ask-options.js';
import { BACKOFF_OPTIONS } from '../../client/sdk/backoff.js';
import { CLIENT_OPTIONS, HOLDING_OPTIONS } from '../../client/sdk/bus-client.js';
import { toCliError } from '../../client/cli/cli-error.js';
import type { McpBus } from '../../client/cli/mcp/bus.js';
import { MCP_TOOLS } from '../../client/cli/mcp/server.js';
import { Tickets } from '../../client/cli/mcp/tickets.js';
import { program } from '../../client/cli/program.js';
import { resolveSettings } from '../../client/cli/settings/resolve-settings.js';
import { SOURCE_TABLE } from '../../client/cli/settings/setting-sources.js';
import { variableOf, type Setting } from '../../client/cli/settings/setting.js';
import { SETTINGS } from '../../client/cli/settings/settings.js';
import type { Terminal } from '../../client/cli/terminal/terminal.js';
import { connect as connectFromPage } from '../../client/sdk/browser.js';
import { CONNECT_OPTIONS } from '../../client/sdk/connect.js';
import { connect, type BusClient, type Mirror } from '../../client/sdk/index.js';
import { HOLDERS_OPTIONS, LEASES_OPTIONS } from '../../client/sdk/holders.js';
import { WHEN_FREE_OPTIONS } from '../../client/sdk/address-waits.js';
import { MIRROR_OPTIONS } from '../../client/sdk/mirror-options.js';
import { SUBSCRIBE_OPTIONS } from '../../client/sdk/subscribe-options.js';
import { FILTER_FIELDS, FILTER_LIMITS } from '../../protocol/index.js';
import { INSPECTION_PARAMETERS } from '../../protocol/inspection/inspection.js';
import { WIRE_SUBSCRIBE_OPTIONS } from '../../protocol/wire/messages.js';
import { EdgeServer } from '../../server/index.js';
import { HOLDERS_PARAMETERS } from '../../server/network/http/holders.js';
import { EVENT_PARAMETERS, readQuery, RECORD_PARAMETERS } from '../../server/network/http/query.js';
import { DEFAULT_LIMITS, resolveOptions, SERVER_OPTIONS } from '../../server/config/options.js';

/** A wrong input, and the names that its refusal must contain: the wrong name, and the name that was probably meant. */
export interface BadInput {
  readonly where: string;
  readonly input: string;
  readonly names: readonly string[];
  /** Passes the input to its surface. Throws or resolves to a text where it is refused; `undefined` where it is accepted. */
  give(): unknown;
}

type Give = (name: string, value: unknown) => unknown;

const UNKNOWN = 'qqqqqqqqqq';
/** A misspelt name: the last letter is doubled. */
const misspelt = (name: string): string => `${name}${name.at(-1)!}`;

/** Values of wrong types for most options. */
const ODD_VALUES: readonly unknown[] = [{ odd: true }, 5, -1.5, '', 'odd', true, [{}]];

interface Named {
  readonly name: string;
  /** Values that must be refused. */
  readonly wrong: readonly unknown[];
}

/** Inputs for each name: the name misspelt, and the name with each wrong value. Also one unknown name. */
function badNames(where: string, named: readonly Named[], give: Give): BadInput[] {
  const row = (name: string, value: unknown, names: readonly string[]): BadInput => ({
    where,
    input: `${name}: ${JSON.stringify(value)}`,
    names,
    give: () => give(name, value),
  });
  return [
    row(UNKNOWN, 'x', [UNKNOWN]),
    ...named.map(({ name }) => row(misspelt(name), 'x', [misspelt(name), `did you mean ${name}?`])),
    ...named.flatMap(({ name, wrong }) => wrong.map((value) => row(name, value, [name]))),
  ];
}

type Table = Readonly<Record<string, { accepts(value: unknown): boolean }>>;

const fromTable = (where: string, table: object, give: (options: never) => unknown): BadInput[] =>
  badNames(
    where,
    Object.entries(table as Table).map(([name, { accepts }]) => ({
      name,
      wrong: ODD_VALUES.filter((value) => !accepts(value)),
    })),
    (name, value) => give({ [name]: value } as never),
  );

/** Inputs for each call of the SDK that has options. */
export function sdkInputs(bus: BusClient, mirror: Mirror): BadInput[] {
  return [
    ...fromTable('connect', CONNECT_OPTIONS, (options) => connect(options)),
    ...fromTable('connect in a page', CLIENT_OPTIONS, (options) => connectFromPage(options)),
    ...fromTable('connect, backoff', BACKOFF_OPTIONS, (backoff) =>
      connect({ url: 'ws://127.0.0.1:1', token: 'x', backoff }),
    ),
    ...fromTable('subscribe', SUBSCRIBE_OPTIONS, (options) => bus.subscribe({}, options)),
    ...fromTable('mirror', MIRROR_OPTIONS, (options) => bus.mirror({}, options)),
    ...fromTable('get', ASK_OPTIONS, (options) => bus.get('task', 't1', options)),
    ...fromTable('sync', ASK_OPTIONS, (options) => bus.sync(undefined, options)),
    ...fromTable('inspect', ASK_OPTIONS, (options) => bus.inspect('overview', {}, options)),
    ...fromTable('holders', HOLDING_OPTIONS, (options) => bus.holders('a.py', options)),
    ...fromTable('holding', HOLDING_OPTIONS, (options) => bus.holding('a.py', options)),
    ...fromTable('mirror.holders', HOLDERS_OPTIONS, (options) => mirror.holders('a.py', options)),
    ...fromTable('mirror.holding', HOLDERS_OPTIONS, (options) => mirror.holding('a.py', options)),
    ...fromTable('mirror.leases', LEASES_OPTIONS, (options) => mirror.leases(options)),
    ...fromTable('mirror.whenFree', WHEN_FREE_OPTIONS, (options) => mirror.whenFree('a.py', options)),
    ...badNames('a filter', FILTER, (name, value) => bus.subscribe({ [name]: value })),
    ...inspectInputs((topic, params) => bus.inspect(topic, params)),
    { where: 'get', input: 'a kind', names: ['taskk', 'task'], give: () => bus.get('taskk' as 'task', 't1') },
    {
      where: 'sync',
      input: 'a kind',
      names: ['taskk', 'task'],
      give: () => bus.sync({ kind: 'taskk' as 'task', id: 'x' }),
    },
    {
      where: 'sync',
      input: 'an id',
      names: ['id'],
      give: () => bus.sync({ kind: 'task', id: 5 as unknown as string }),
    },
  ];
}

const FILTER: readonly Named[] = Object.values(FILTER_FIELDS).map((name) => ({ name, wrong: [5, [5], {}, true] }));

/** Inputs for each topic of `inspect`: correct except for one parameter. */
const inspectInputs = (give: (topic: never, params: never) => unknown): BadInput[] =>
  Object.entries(INSPECTION_PARAMETERS).flatMap(([topic, { known }]) =>
    badNames(
      `inspect ${topic}`,
      known.map((name) => ({ name, wrong: [{ odd: 1 }, [5], true] })),
      (name, value) => {
        const rest = topic === 'explain' ? { kind: 'task', id: 't1', ...(name === 'filter' ? {} : { sub: 1 }) } : {};
        return give(topic as never, { ...rest, [name]: value } as never);
      },
    ),
  );

/** Inputs for a server that a program creates. */
export function serverInputs(): BadInput[] {
  const give = (options: object) => resolveOptions({ root: '/', ...options });
  const wrong = Object.entries(SERVER_OPTIONS).map(([name, kind]) => ({
    name,
    wrong: kind === 'text' ? [5, {}] : kind === 'object' ? [5, 'odd', []] : [{ odd: true }, 'odd', [5]],
  }));
  const limits = Object.keys(DEFAULT_LIMITS).map((name) => ({ name, wrong: ['5', -1, 0.5, {}] }));
  const edge = { relay: { url: 'nats://127.0.0.1:1' }, endpointFile: '/nowhere' };
  return [
    ...badNames(
      'EdgeServer',
      [
        { name: 'sharePort', wrong: ['odd', 5] },
        { name: 'endpointFile', wrong: [5] },
        { name: 'repositories', wrong: [5, 'odd', ['odd'], {}] },
      ],
      (name, value) => new EdgeServer({ ...edge, [name]: value }),
    ),
    ...badNames(
      'EdgeServer, a repository',
      [
        { name: 'path', wrong: [5, 'shop', '/a/b'] },
        { name: 'tokenFile', wrong: [5] },
        { name: 'limits', wrong: [5, 'odd'] },
      ],
      (name, value) =>
        new EdgeServer({ repositories: [{ relay: edge.relay, path: '/shop', tokenFile: 't', [name]: value }] }),
    ),
    ...badNames('BusServer', wrong, (name, value) => give({ [name]: value })),
    ...badNames('BusServer, limits', limits, (name, value) => give({ limits: { [name]: value } })),
  ];
}

// ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const TYPED_PARAMETERS = ['kind', 'event_type', 'max_events', 'since', 'snapshot', 'problem'];
const PATHS = {
  '/events': EVENT_PARAMETERS,
  '/records': RECORD_PARAMETERS,
  '/holders': HOLDERS_PARAMETERS,
  '/metrics': [],
};

const httpRows = (path: string, names: readonly string[], give: Give): BadInput[] =>
  badNames(
    path,
    names.map((name) => ({ name, wrong: TYPED_PARAMETERS.includes(name) ? ['', 'odd'] : [''] })),
    give,
  );

/** Inputs for each parameter, passed to the parser of queries. */
export const httpInputs = (): BadInput[] =>
  Object.entries(PATHS).flatMap(([path, allowed]) =>
    httpRows(path, allowed, (name, value) =>
      readQuery(new URLSearchParams({ [name]: String(value) }).toString(), allowed, FILTER_LIMITS),
    ),
  );

/** Inputs for the first parameter of each path, sent over a socket. */
export const servedHttpInputs = (ask: (target: string) => Promise<{ status: number; body: string }>): BadInput[] =>
  Object.entries(PATHS).flatMap(([path, allowed]) =>
    httpRows(path, allowed.slice(0, 1), async (name, value) => {
      const { status, body } = await ask(`${path}?${new URLSearchParams({ [name]: String(value) }).toString()}`);
      return status === 400 ? body : undefined;
    }),
  );

// ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Inputs for each field of each message. @param ask returns the text of the refusal; `undefined` where there is none */
export function wireInputs(ask: (message: readonly unknown[]) => Promise<string | undefined>): BadInput[] {
  let sub = 0;
  let nonce = 0;
  const row = (input: string, message: readonly unknown[], ...names: string[]): BadInput => ({
    where: 'a message',
    input,
    names,
    give: () => ask(message),
  });
  return [
    ...badNames(
      'subscribe',
      WIRE_SUBSCRIBE_OPTIONS.map((name) => ({ name, wrong: [5.5, 'odd', true, [5]] })),
      (name, value) => ask([1, ++sub, { [name]: value }]),
    ),
    ...badNames('subscribe, filter', FILTER, (name, value) => ask([1, ++sub, { filter: { [name]: value } }])),
    ...inspectInputs((topic, params) => ask([5, ++nonce, topic, params])),
    row('subscribe: a number that is text', [1, '1'], 'subscription'),
    row('subscribe: options that are text', [1, 1_000_000, 'odd'], 'options'),
    row('unsubscribe: no number', [2, -1], 'subscription'),
    row('sync: a nonce that is text', [3, 'x'], 'nonce'),
    row('sync: a kind that there is not', [3, 1_000_001, 'taskk', 'x'], 'kind'),
    row('sync: an id that is a number', [3, 1_000_002, 'task', 5], 'id'),
    row('ping: a nonce that is a fraction', [4, 1.5], 'nonce'),
    row('inspect: a topic that there is not', [5, 1_000_003, 'overvieww'], 'topic', 'overview'),
    row('inspect: a nonce that is text', [5, 'x', 'overview'], 'nonce'),
    row('inspect: parameters that are a list', [5, 1_000_004, 'overview', []], 'parameters'),
    row('name: a number', [6, 5], 'name'),
    row('name: empty', [6, ''], 'name'),
    row('a type that there is not', [99], 'begins with'),
    row('no list', 'odd' as unknown as readonly unknown[], 'array'),
  ];
}

// ── the command line ────────────────────────────────────────────────────────────────────────────────────────────────

const silent: Terminal = {
  out: () => undefined,
  err: () => undefined,
  json: () => undefined,
  jsonText: () => undefined,
  openScreen: () => undefined,
  draw: () => undefined,
  closeScreen: () => undefined,
  drained: () => Promise.resolve(),
  isInteractive: false,
  isScreen: false,
  columns: Infinity,
  size: { columns: 80, rows: 24 },
};

/** Placeholders of flags whose values are not any text. */
const TYPED_PLACEHOLDERS = [
  'n',
  'seconds',
  'cursor',
  'kind',
  'type',
  'format',
  'backend',
  'engine',
  'hash',
  'level',
  'name=n',
];

/** Inputs for each command: each flag misspelt, an unknown flag, and wrong values for each flag with a number or a fixed word. */
export async function commandInputs(): Promise<BadInput[]> {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-bad-input-'));
  mkdirSync(join(root, '.muse', 'coordination'), { recursive: true });
  process.once('exit', () => {
    rmSync(root, { recursive: true, force: true });
  });
  const { commands } = await program(silent, undefined);
  const all = commands.flatMap((command) => [[command], ...command.commands.map((one) => [command, one])]);
  return all.flatMap((path) => ofCommand(path, root));
}

const PLACEHOLDER_ARGUMENTS: Readonly<Record<string, string>> = {
  kind: 'task',
  address: 'a.py',
  shell: 'bash',
  harness: 'git',
};

/** Flags that a command requires; without them it reports that first. */
const NEEDED_FLAGS: Readonly<Record<string, readonly string[]>> = { wait: ['--free', 'a.py'], replay: ['--serve'] };

function ofCommand(path: readonly Command[], root: string): BadInput[] {
  const words = path.map((one) => one.name());
  const command = path.at(-1)!;
  if (command.commands.length > 0) return [];
  const where = `muse-bus ${words.join(' ')}`;
  const named = command.registeredArguments.map((one) => PLACEHOLDER_ARGUMENTS[one.name()] ?? join(root, 'no.jsonl'));
  const isVariadic = command.registeredArguments.some(({ variadic }) => variadic);
  const home = command.options.some(({ long }) => long === '--root') ? ['--root', root] : [];
  const give = (...flags: string[]) =>
    refusalOf([...words, ...named, ...(NEEDED_FLAGS[words[0]!] ?? []), ...flags, ...home]);
  const long = command.options.map((option) => ({ flag: option.long!, takes: /<(.*)>/.exec(option.flags)?.[1] }));
  const row = (input: string, names: readonly string[], ...flags: string[]): BadInput => ({
    where,
    input,
    names,
    give: () => give(...flags),
  });
  return [
    row('a flag that there is not', [`--${UNKNOWN}`], `--${UNKNOWN}`),
    // A command that takes any number of words refuses the one that it does not know; every other says how many it takes. For `get` each is an id.
    ...(words[0] === 'get' ? [] : [row('one word too many', isVariadic ? [UNKNOWN] : [UNKNOWN, 'takes'], UNKNOWN)]),
    ...long.map(({ flag }) => row(`${misspelt(flag)} x`, [misspelt(flag), flag], misspelt(flag), 'x')),
    ...long
      .filter(({ takes }) => takes !== undefined && TYPED_PLACEHOLDERS.includes(takes))
      .map(({ flag }) => row(`${flag} #odd`, [flag], flag, '#odd')),
  ];
}

/** Runs a command in this process, as `main` does. @returns the text of the refusal */
async function refusalOf(words: readonly string[]): Promise<string | undefined> {
  const command = await program(silent, words[0]);
  const quiet = (one: Command): void => {
    one.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    one.commands.forEach(quiet);
  };
  quiet(command);
  try {
    await command.parseAsync([...words], { from: 'user' });
  } catch (error) {
    const { message, hint } = toCliError(error);
    return `${message} ${hint}`;
  }
  return undefined;
}

// ── tools for models ────────────────────────────────────────────────────────────────────────────────────────────────

interface JsonSchema {
  readonly type?: string;
}

/** Inputs for each argument of each tool. */
export function toolInputs(): BadInput[] {
  const bus = { addresses: {} } as unknown as McpBus;
  return MCP_TOOLS.flatMap((make) => {
    const { listed, call } = make(bus, new Tickets(bus));
    const { required = [], properties = {} } = listed.inputSchema;
    const rest: Record<string, unknown> = Object.fromEntries(required.map((name) => [name, 'x']));
    const named = Object.entries(properties).map(([name, schema]) => ({
      name,
      wrong: (schema as JsonSchema).type === 'object' ? [5, true] : [{ odd: 1 }, [{}]],
    }));
    return badNames(`tool ${listed.name}`, named, async (name, value) => {
      const given = { ...rest, [name]: value };
      const answer = await call(given, { signal: AbortSignal.timeout(5_000), progress: () => undefined });
      return answer.isError === true ? (answer.content[0] as { text: string }).text : undefined;
    });
  });
}

// ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Inputs for each setting, in the environment, in the user's file and in the repository's file. */
export function settingInputs(): BadInput[] {
  const home = mkdtempSync(join(tmpdir(), 'muse-bus-bad-settings-'));
  process.once('exit', () => {
    rmSync(home, { recursive: true, force: true });
  });
  const folders = [join(home, 'muse-bus'), join(home, '.muse', 'bus')];
  for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [userFile, repositoryFile] = folders.map((folder) => join(folder, 'config.json')) as [string, string];
  const resolved = (env: object, user: object, repository: object): string => {
    writeFileSync(userFile, JSON.stringify(user), { mode: 0o600 });
    writeFileSync(repositoryFile, JSON.stringify(repository), { mode: 0o600 });
    try {
      const { refusals, unknownVariables } = resolveSettings(new Map(), { XDG_CONFIG_HOME: home, ...env }, home);
      return [...unknownVariables, ...refusals.map(({ name, why, allow }) => `${name}: ${why}; ${allow}`)].join('\n');
    } catch (error) {
      const { message, hint } = toCliError(error);
      return `${message} ${hint}`;
    }
  };
  const settings = Object.values(SETTINGS) as Setting<unknown>[];
  const wrongText = (setting: Setting<unknown>): readonly string[] => (isTyped(setting) ? ['#odd'] : []);
  const inFile = settings
    .filter(({ name }) => name !== 'limit')
    .map((setting) => ({ name: setting.name, wrong: [{ odd: 1 }, ...wrongText(setting)] }));
  const limits = [{ name: 'max_connections', wrong: ['5', -1, {}] }];
  return [
    ...badNames(
      'the environment',
      SOURCE_TABLE.flatMap(({ variable }) => {
        const setting = settings.find((one) => variableOf(one) === variable);
        return variable === undefined ? [] : [{ name: variable, wrong: setting ? wrongText(setting) : [] }];
      }),
      (name, value) => resolved({ [name === UNKNOWN ? `MUSE_BUS_${name}` : name]: value }, {}, {}),
    ),
    ...badNames("the user's file", inFile, (name, value) => resolved({}, { [name]: value }, {})),
    ...badNames("the repository's file", inFile, (name, value) => resolved({}, {}, { [name]: value })),
    ...badNames("limits in the user's file", limits, (name, value) => resolved({}, { limits: { [name]: value } }, {})),
    ...badNames("limits in the repository's file", limits, (name, value) =>
      resolved({}, {}, { limits: { [name]: value } }),
    ),
  ];
}

function isTyped(setting: Setting<unknown>): boolean {
  try {
    setting.read(['#odd'], 'x');
    return false;
  } catch {
    return true;
  }
}
