/**
 * Checks the files of this folder with the tools of those who read them, as far as they are installed: the rules of the alerts and whether
 * they fire (promtool, of Debian's package prometheus), the units (systemd-analyze, plutil of macOS), and the manifests by Kubernetes' schemas
 * (`npm install --prefix DIR kubernetes-models @kubernetes-models/prometheus-operator`): `node deploy/check.mjs [DIR]`.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-deploy-'));
let faults = 0;

function tell(what, fault) {
  console.log(`${fault ? 'FAULT' : 'ok   '} ${what}${fault ? `: ${fault}` : ''}`);
  if (fault) faults++;
}

/** Runs a tool on files. Whatever it says although it succeeds is a fault too: warnings are not tolerated. */
function run(program, args, { isQuiet = false } = {}) {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  if (error?.code === 'ENOENT') return console.log(`not checked, because ${program} is not installed: ${args.at(-1)}`);
  const said = `${stdout}${stderr}`.trim();
  tell(`${program} ${args.join(' ')}`, status === 0 && !(isQuiet && said) ? undefined : said || `exit ${status}`);
}

const documentsOf = (file) =>
  // Kubernetes reads YAML 1.1, in which 0440 is octal.
  parseAllDocuments(readFileSync(join(HERE, 'kubernetes', file), 'utf8'), { version: '1.1', merge: true }).map((one) =>
    one.toJS(),
  );

/** Series that each alert must find, and not find. */
const EDGE = 'instance="e1"';
const FIRES = {
  MuseBusEdgeNotReady: [`muse_bus_ready{${EDGE}}`, '0x10', '1x10'],
  MuseBusEdgeNotFollowing: [`muse_bus_edge_state{${EDGE},state="following"}`, '0x10', '1x10'],
  MuseBusEdgeStale: [`muse_bus_relay_staleness_seconds{${EDGE}}`, '16x10', '15x10'],
  MuseBusOriginAway: [`muse_bus_origin_present{${EDGE}}`, '0x10', '1x10'],
  MuseBusNatsLost: [`muse_bus_nats_connected{${EDGE}}`, '0x10', '1x10'],
  MuseBusMessagesRejected: [`muse_bus_relay_rejected_total{${EDGE},why="unsigned"}`, '0+1x10', '3x10'],
  MuseBusEdgeRebuilds: [`muse_bus_relay_rebuilds_total{${EDGE}}`, '0+1x10', '1x10'],
  MuseBusNotPublishing: [`muse_bus_relay_state{${EDGE},state="publishing"}`, '0x10', '1x10'],
  MuseBusPublishingLate: [`muse_bus_relay_behind_seconds{${EDGE}}`, '11x10', '9x10'],
  MuseBusTwoOrigins: [`muse_bus_relay_failures_total{${EDGE},why="taken"}`, '0+1x10', '1x10'],
  MuseBusWatchUnhealthy: [`muse_bus_watch_healthy{${EDGE},kind="task"}`, '0x10', '1x10'],
  MuseBusUnforeseen: [`muse_bus_unforeseen_total{${EDGE}}`, '0+1x10', '1x10'],
};
/** One that is ready and follows is enough. */
const NO_EDGE = (ready) => [
  { series: `muse_bus_ready{${EDGE}}`, values: `${ready}x10` },
  { series: `muse_bus_edge_state{${EDGE},state="following"}`, values: '1x10' },
  { series: 'muse_bus_ready{instance="e2"}', values: '0x10' },
  { series: 'muse_bus_edge_state{instance="e2",state="following"}', values: '1x10' },
];

function checkRules() {
  const [{ spec }] = documentsOf('alerts.yaml');
  const rules = join(folder, 'rules.yaml');
  writeFileSync(rules, stringify(spec));
  run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', rules]);
  const names = spec.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  const untold = names.filter((name) => !(name in FIRES) && name !== 'MuseBusNoEdgeReady');
  tell('each alert is made to fire', untold.length > 0 ? untold.join(', ') : undefined);
  const counts = (name, input_series, exp_samples) => ({
    interval: '1m',
    input_series,
    promql_expr_test: [
      { expr: `count(ALERTS{alertname="${name}",alertstate="firing"})`, eval_time: '8m', exp_samples },
    ],
  });
  const isFiring = [{ labels: '{}', value: 1 }];
  const tests = Object.entries(FIRES).flatMap(([name, [series, ill, well]]) => [
    counts(name, [{ series, values: ill }], isFiring),
    counts(name, [{ series, values: well }], []),
  ]);
  tests.push(counts('MuseBusNoEdgeReady', NO_EDGE(0), isFiring), counts('MuseBusNoEdgeReady', NO_EDGE(1), []));
  const file = join(folder, 'tests.yaml');
  writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
  run('promtool', ['test', 'rules', file]);
}

function checkUnits() {
  for (const unit of readdirSync(join(HERE, 'systemd'))) {
    copyFileSync(join(HERE, 'systemd', unit), join(folder, unit));
    run('systemd-analyze', ['--user', 'verify', join(folder, unit)], { isQuiet: true });
  }
  run('plutil', ['-lint', '-s', join(HERE, 'launchd', 'muse-bus.plist')]);
}

async function checkManifests(directory) {
  // The packages can only be imported from beside them.
  const loader = join(resolve(directory), 'muse-bus-models.mjs');
  writeFileSync(loader, 'export const load = (name) => import(name);\n');
  const { load } = await import(pathToFileURL(loader).href);
  rmSync(loader);
  for (const file of readdirSync(join(HERE, 'kubernetes'))) {
    for (const manifest of documentsOf(file)) {
      const { apiVersion, kind } = manifest;
      // The schemas know no Kustomization.
      if (kind === 'Kustomization') continue;
      const models = apiVersion.startsWith('monitoring.coreos.com')
        ? '@kubernetes-models/prometheus-operator'
        : 'kubernetes-models';
      try {
        const model = await load(`${models}/${apiVersion}/${kind}`);
        new model[kind](manifest).validate();
        tell(`${file}: ${kind}`);
      } catch (error) {
        tell(`${file}: ${kind}`, error.message);
      }
    }
  }
}

checkRules();
checkUnits();
const [, , directory] = process.argv;
if (directory !== undefined) await checkManifests(directory);
else console.log('not checked, because no directory of schemas is given: the manifests');
rmSync(folder, { recursive: true, force: true });
process.exit(faults === 0 ? 0 : 1);
