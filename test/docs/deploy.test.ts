import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import type { WatchHealth } from '../../protocol/index.js';
import { resolveSettings } from '../../client/cli/settings/resolve-settings.js';
import { SOURCE_TABLE } from '../../client/cli/settings/setting-sources.js';
import { flagOf, type Setting } from '../../client/cli/settings/setting.js';
import { EDGE_ONLY, ORIGIN_ONLY, SETTINGS, type SettingName } from '../../client/cli/settings/settings.js';
import { resolveOptions } from '../../server/config/options.js';
import { resolveRelay } from '../../server/config/relay-options.js';
import { EdgeBus } from '../../server/edge-bus.js';
import { describeBus, describeProcess } from '../../server/inspection/bus-metrics.js';
import { LoopDelay } from '../../server/metrics/loop-delay.js';
import { LazyRegistry } from '../../server/metrics/registry.js';
import { PROBE_PATHS } from '../../server/network/http/probes.js';
import { OriginRelay } from '../../server/relay/origin-relay.js';
import { describeOriginRelay } from '../../server/relay/relay-metrics.js';
import { systemClock } from '../../server/runtime/clock.js';
import { silentLog } from '../../server/runtime/log.js';
import { makeCertificate } from '../support/certificate.js';
import { ServedRepository } from '../support/served-repository.js';

const DEPLOY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy');
const read = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** What the manifests of this folder have in common; each test looks only at what its kind has. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly spec?: unknown;
  readonly resources?: readonly string[];
  readonly configMapGenerator?: readonly { readonly literals: readonly string[] }[];
}

const KUBERNETES = readdirSync(join(DEPLOY, 'kubernetes'));
const manifestsIn = (file: string): Manifest[] => {
  const documents = parseAllDocuments(read(`kubernetes/${file}`), { strict: true });
  if (!Array.isArray(documents)) throw new Error(`${file} is empty`);
  return documents.map((document) => {
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    return document.toJS() as Manifest;
  });
};
const MANIFESTS = KUBERNETES.flatMap(manifestsIn);
const ofKind = (kind: string): Manifest => MANIFESTS.find((manifest) => manifest.kind === kind)!;
const POD = (ofKind('Deployment').spec as { template: { spec: Record<string, unknown> } }).template.spec;
const [EDGE] = POD['containers'] as readonly [Container];

/** Settings as an edge finds them: the flags of the container, and the variables of the generated map. */
function settingsOfEdges(): ReturnType<typeof resolveSettings> {
  const flags = new Map<string, string[]>();
  const [, ...args] = EDGE.args;
  for (let i = 0; i < args.length; i += 2) flags.set(nameOf(args[i]!), [args[i + 1]!]);
  const { literals } = ofKind('Kustomization').configMapGenerator![0]!;
  const env = Object.fromEntries(literals.map((literal) => literal.split(/=(.*)/s, 2) as [string, string]));
  return resolveSettings(flags, env);
}

/** The setting of a flag; its own name for the flags of the command that are no settings. */
const nameOf = (flag: string): string =>
  (Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]).find(
    ([, setting]) => flagOf(setting) === flag,
  )?.[0] ?? flag;

t.test('every manifest is named by the kustomization, and the selectors are the labels of the pods', async (t) => {
  t.same(
    [...ofKind('Kustomization').resources!].sort(),
    KUBERNETES.filter((file) => file !== 'kustomization.yaml').sort(),
  );
  for (const { apiVersion, kind, metadata } of MANIFESTS) {
    t.match(apiVersion, /^([a-z0-9.]+\/)?v1(beta1)?$/, kind);
    if (kind !== 'Kustomization') t.match(metadata?.name, /^muse-bus/, kind);
  }
  const labels = { 'app.kubernetes.io/name': 'muse-bus-edge' };
  const deployed = { template: { metadata: { labels } }, selector: { matchLabels: labels } };
  t.match(ofKind('Deployment').spec, deployed);
  t.match(ofKind('PodDisruptionBudget').spec, { selector: { matchLabels: labels } });
  t.match(ofKind('NetworkPolicy').spec, { podSelector: { matchLabels: labels } });
  for (const { spec } of MANIFESTS.filter(({ kind }) => kind === 'Service')) t.match(spec, { selector: labels });
});

t.test(
  'the edge is started with settings that it has, and they fit to the ports, probes and times around it',
  async (t) => {
    const { settings, unknownVariables } = settingsOfEdges();
    t.same(unknownVariables, []);
    const [command, ...args] = EDGE.args;
    t.equal(command, 'edge');
    for (const flag of args.filter((_arg, i) => i % 2 === 0)) {
      const name = nameOf(flag);
      t.ok(name === '--endpoint' || (name in SETTINGS && !ORIGIN_ONLY.has(name as SettingName)), flag);
    }
    const ports = new Map(EDGE.ports.map(({ name, containerPort }) => [name, containerPort]));
    t.equal(ports.get('bus'), settings.port);
    t.equal(ports.get('probes'), settings.probePort);
    t.equal(settings.probeHost, '0.0.0.0');
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      const { path, port } = (EDGE as unknown as Record<string, { httpGet: { path: string; port: string } }>)[probe]!
        .httpGet;
      t.ok((PROBE_PATHS as readonly string[]).includes(path), path);
      t.equal(port, 'probes', 'the port for clients has TLS and checks the Host');
    }
    t.ok(
      (POD['terminationGracePeriodSeconds'] as number) > settings.drain + 5,
      'an edge may finish sending clients away',
    );
    const mounted = EDGE.volumeMounts.map(({ mountPath }) => mountPath);
    for (const file of [settings.tlsCert, settings.tlsKey, settings.relayCreds])
      t.ok(mounted.includes(dirname(file!)), file!);
  },
);

t.test('a unit sets variables that exist, and starts a command that exists', async (t) => {
  const known = new Set(SOURCE_TABLE.map(({ variable }) => variable));
  for (const [file, command] of [
    ['muse-bus@.service', 'muse-bus serve'],
    ['muse-bus-edge@.service', 'muse-bus edge --endpoint '],
  ] as const) {
    const text = read(`systemd/${file}`);
    const variables = [...text.matchAll(/^(?:Environment=|# {3})(MUSE_BUS_\w+)=(\S*)$/gm)];
    for (const [, name] of variables) t.ok(known.has(name), `${file}: ${name!}`);
    t.match(/^ExecStart=.*$/m.exec(text)?.[0], command);
    t.match(text, /^ExecReload=.*HUP/m);
    for (const name of command.includes('edge') ? ORIGIN_ONLY : EDGE_ONLY) {
      t.notOk(
        variables.some(([, variable]) => variable === `MUSE_BUS_${SETTINGS[name].name.toUpperCase()}`),
        name,
      );
    }
  }
});

/** An agent of launchd as launchd reads it; `undefined` without Python, whose parser is strict. */
const agentIn = (path: string): LaunchAgent | undefined => {
  const program = 'import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
  const { error, stdout, stderr } = spawnSync('python3', ['-c', program], { input: read(path), encoding: 'utf8' });
  if (error !== undefined) return undefined;
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as LaunchAgent;
};

interface LaunchAgent {
  readonly ProgramArguments: readonly string[];
  readonly EnvironmentVariables: Readonly<Record<string, string>>;
}
const AGENT = agentIn('launchd/muse-bus.plist');

t.test(
  'the agent of launchd sets variables that exist, and starts a server',
  { skip: AGENT === undefined && 'python3 is not installed' },
  async (t) => {
    const known = new Set(SOURCE_TABLE.map(({ variable }) => variable));
    const { EnvironmentVariables: variables, ProgramArguments: command } = AGENT!;
    const names = Object.keys(variables).filter((name) => name.startsWith('MUSE_BUS_'));
    t.same(names, ['MUSE_BUS_ROOT', 'MUSE_BUS_PORT']);
    for (const name of names) t.ok(known.has(name), name);
    t.same(command.slice(2), ['muse-bus', 'serve']);
  },
);

/** Every metric with its labels, as `/metrics` of an origin and of an edge write them. */
async function exported(): Promise<string> {
  const relay = resolveRelay({ url: 'nats://127.0.0.1:1' }, 5_000);
  const repository = new ServedRepository({ journal: false });
  await repository.start();
  const { bus } = repository.server;
  const { epoch, store, history } = bus.hub;
  const health = (): WatchHealth => bus.health;
  const source = { epoch, store, history, health, readNow: () => Promise.resolve(), republish: () => undefined };
  const services = { options: relay, root: '/', source, maxRecordBytes: 1, clock: systemClock, log: silentLog };
  const delay = new LoopDelay();
  const [origin, edge] = [new LazyRegistry(), new LazyRegistry()];
  describeBus(origin, bus);
  describeProcess(origin, delay);
  describeOriginRelay(origin, new OriginRelay(services));
  describeBus(edge, new EdgeBus(relay, resolveOptions({ root: '/' }), systemClock, silentLog));
  const text = `${await origin.text()}\n${await edge.text()}`;
  delay.stop();
  await repository.stop();
  return text;
}

t.test('alerts and the dashboard ask for metrics and labels that are exported', async (t) => {
  const text = await exported();
  const names = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name!}_bucket`] : [name!],
    ),
  );
  const rules = (
    ofKind('PrometheusRule').spec as { groups: { rules: { alert: string; expr: string }[] }[] }
  ).groups.flatMap((group) => group.rules);
  const { panels } = JSON.parse(read('grafana/edges.json')) as { panels: { targets: { expr: string }[] }[] };
  const expressions = [
    ...rules.map(({ expr }) => expr),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  for (const expression of expressions) {
    const asked = [...expression.matchAll(/\b((?:muse_bus|process)_\w+)(?:\{([^}]*)\})?/g)];
    t.ok(asked.length > 0, expression);
    for (const [, name, labels] of asked) {
      t.ok(names.has(name!), `${name!} in ${expression}`);
      const [, label, value] = /^(\w+)="([^"]*)"$/.exec(labels ?? '') ?? [];
      if (label !== undefined) t.match(text, `${name!}{${label}="${value!}"}`, expression);
    }
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});

t.test("the container's health check is right with TLS, and while the server is not ready", async (t) => {
  const text = read('Containerfile');
  const command = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(text)![1]!) as string[];
  const [, inImage] = /MUSE_BUS_PROBE_PORT=(\d+)/.exec(text)!;
  t.match(command[2], `:${inImage!}/`);
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-deploy-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const { certFile: tlsCertFile, keyFile: tlsKeyFile } = makeCertificate(folder, 'bus');
  const repository = new ServedRepository({ tlsCertFile, tlsKeyFile, probePort: 0, journal: false });
  await repository.start();
  const check = command[2]!.replace(inImage!, String(repository.server.probePort));
  const run = (): Promise<number | null> => {
    const child = spawn(process.execPath, ['-e', check], { stdio: 'ignore' });
    return new Promise((resolve) => child.once('exit', resolve));
  };
  t.equal(await run(), 0);
  await repository.stop();
  t.equal(await run(), 1);
});
