/**
 * Runs test files inside of the process that asks, for Stryker. tap in a process of its own takes 0.6 s of CPU before the first test, for
 * each mutant and each file; most tests of a pure room take a millisecond. Each file is bundled with the sources that it tests, and the
 * bundle is evaluated anew for each mutant, so that no cache of a module holds what another mutant has put there. Packages are loaded once.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { commonTokens, declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { build } from 'esbuild';
import fc from 'fast-check';
import { globSync } from 'glob';
import { rootTest } from './in-process-tap.mjs';
import { isInSample } from './sample.mjs';

/** The most random inputs of a property: what a mutant changes is seen in few, and each that is not noticed is tried with all of them. */
const MAX_RUNS = 150;
/** How long a test may take: so many milliseconds, and so many times as long as without a mutant. */
const LEAST_LIMIT_MS = 3_000;
const LIMIT_FACTOR = 10;
/** They are the same for each mutant, and one that fails is not made shorter. */
const REPEATED = { seed: 1, endOnFailure: true };
const SOURCE = /\.tsx?$/;
/** The folder in which the bundles would be, if they were written. */
const BUNDLES = 'bundles';

class InProcessRunner {
  static inject = [commonTokens.options];
  /** The bundles by test file. */
  #files = new Map();
  /** How long each test takes, so that quick ones are asked first. */
  #ms = new Map();
  #packages = new Map();
  /** Ends the test that runs. */
  #faulted = () => {};

  constructor(options) {
    this.testFiles = options.inProcess.testFiles;
    this.sample = options.inProcess.sample;
    this.endsAt = options.inProcess.endsAt;
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    globalThis.__mutation = { packages: this.#packages };
    // What is thrown in a timer would end the process; to start another one takes seconds.
    for (const event of ['uncaughtException', 'unhandledRejection'])
      process.on(event, (error) => this.#faulted(`it throws later: ${String(error)}`));
    for (const [file, script] of await this.#compile(globSync(this.testFiles).sort())) this.#files.set(file, script);
  }

  async dryRun() {
    const tests = [];
    const mutantCoverage = { static: {}, perTest: {} };
    for (const file of this.#files.keys()) {
      const coverage = { static: {}, perTest: {} };
      Object.assign(stryker(), {
        activeMutant: undefined,
        mutantCoverage: coverage,
        hitLimit: undefined,
        hitCount: undefined,
      });
      const ran = await this.#run(file, undefined, false);
      tests.push(...ran);
      // What runs while a file is loaded may decide in each of its tests.
      for (const { id } of ran) {
        const covered = { ...coverage.perTest[id] };
        for (const [mutant, hits] of Object.entries(coverage.static)) covered[mutant] = (covered[mutant] ?? 0) + hits;
        mutantCoverage.perTest[id] = covered;
      }
    }
    for (const { id, timeSpentMs } of tests) this.#ms.set(id, timeSpentMs);
    return { status: DryRunStatus.Complete, tests, mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    if (!isInSample(activeMutant.id, this.sample) || Date.now() > this.endsAt)
      return { status: MutantRunStatus.Error, errorMessage: 'it is not tried' };
    Object.assign(stryker(), {
      activeMutant: activeMutant.id,
      mutantCoverage: undefined,
      hitCount: hitLimit && 0,
      hitLimit,
    });
    const tests = [];
    for (const [file, wanted] of this.#inOrder(testFilter)) {
      tests.push(...(await this.#run(file, wanted, true)));
      const limit = determineHitLimitReached(stryker().hitCount, hitLimit);
      if (limit) return limit;
      if (tests.at(-1)?.status === TestStatus.Failed) break;
    }
    return toMutantRunResult({ status: DryRunStatus.Complete, tests });
  }

  /** The tests of each file; the file that takes the shortest time comes first. */
  #inOrder(testFilter) {
    const byFile = new Map();
    for (const file of this.#files.keys()) {
      const wanted = testFilter?.filter((id) => id.startsWith(`${file} `));
      if (wanted === undefined || wanted.length > 0) byFile.set(file, wanted);
    }
    const cost = (wanted) => wanted?.reduce((sum, id) => sum + (this.#ms.get(id) ?? 0), 0) ?? 0;
    return [...byFile].sort(([, a], [, b]) => cost(a) - cost(b));
  }

  async #run(file, wanted, stopsAtFailure) {
    const root = rootTest();
    globalThis.__mutation.t = root;
    const results = [];
    try {
      stryker().currentTestId = undefined;
      this.#files.get(file).runInThisContext()(createRequire(join(process.cwd(), file)), {});
    } catch (error) {
      return [
        {
          id: `${file} loads`,
          name: `${file} loads`,
          timeSpentMs: 0,
          status: TestStatus.Failed,
          failureMessage: String(error),
        },
      ];
    }
    const named = root.registered.map(({ name, run }) => ({ id: `${file} ${name}`, run }));
    const asked = wanted === undefined ? named : named.filter(({ id }) => wanted.includes(id));
    asked.sort((a, b) => (this.#ms.get(a.id) ?? 0) - (this.#ms.get(b.id) ?? 0));
    for (const { id, run } of asked) {
      stryker().currentTestId = id;
      const begun = performance.now();
      const failure = await this.#failureOf(run, LEAST_LIMIT_MS + LIMIT_FACTOR * (this.#ms.get(id) ?? Infinity));
      const result = { id, name: id, fileName: file, timeSpentMs: performance.now() - begun };
      results.push(
        failure === undefined
          ? { ...result, status: TestStatus.Success }
          : { ...result, status: TestStatus.Failed, failureMessage: failure },
      );
      if (failure !== undefined && stopsAtFailure) break;
    }
    await root.close();
    return results;
  }

  /** @returns why the test fails; `undefined` if it does not. One that waits for what never comes would take Stryker's process with it. */
  async #failureOf(run, limitMs) {
    let timer;
    const fault = new Promise((resolve) => {
      this.#faulted = resolve;
      if (limitMs < Infinity) timer = setTimeout(resolve, limitMs, 'it does not end');
    });
    const failure = await Promise.race([run(), fault]);
    clearTimeout(timer);
    return failure;
  }

  /** All at once, so that each source is read once. @returns the bundles by test file. */
  async #compile(files) {
    const { outputFiles } = await build({
      absWorkingDir: process.cwd(),
      entryPoints: files,
      outdir: BUNDLES,
      outbase: '.',
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
      plugins: [{ name: 'in-process', setup: (bundler) => this.#resolve(bundler) }],
    });
    return outputFiles.map(({ path, text }) => {
      const file = relative(join(process.cwd(), BUNDLES), path).replace(/js$/, 'ts');
      return [file, new vm.Script(`(function (require, module) {${text}\n})`, { filename: file })];
    });
  }

  #resolve(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('node:') ? undefined : { path, namespace: 'package' },
    );
    bundler.onLoad({ filter: /.*/, namespace: 'package' }, async ({ path }) => ({
      contents: await this.#package(path),
    }));
    bundler.onLoad({ filter: SOURCE }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const place = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replaceAll('import.meta.url', place), loader: path.endsWith('x') ? 'tsx' : 'ts' };
    });
  }

  /** Loads a package, and writes a module that gives what it gives. */
  async #package(name) {
    if (name === 'tap') return 'export default globalThis.__mutation.t;';
    if (!this.#packages.has(name)) {
      const loaded = name === 'fast-check' ? { ...(await import(name)), default: repeatable } : await import(name);
      this.#packages.set(name, loaded);
    }
    const names = Object.keys(this.#packages.get(name)).filter((key) => key !== 'default' && key !== 'module.exports');
    const loaded = `globalThis.__mutation.packages.get(${JSON.stringify(name)})`;
    return [
      `const loaded = ${loaded};`,
      'export default loaded.default;',
      ...names.map((key, n) => `const value${String(n)} = loaded[${JSON.stringify(key)}];`),
      `export { ${names.map((key, n) => `value${String(n)} as ${key}`).join(', ')} };`,
    ].join('\n');
  }
}

const stryker = () => (globalThis.__stryker__ ??= {});

const repeatable = {
  ...fc,
  assert: (property, parameters = {}) => {
    const numRuns = Math.min(parameters.numRuns ?? MAX_RUNS, MAX_RUNS);
    return fc.assert(property, { ...parameters, ...REPEATED, numRuns });
  },
};

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner)];
export const strykerValidationSchema = {
  $schema: 'http://json-schema.org/draft-07/schema',
  type: 'object',
  properties: {
    inProcess: { type: 'object', properties: { testFiles: { type: 'array', items: { type: 'string' } } } },
  },
};
