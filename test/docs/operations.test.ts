import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { resolveSettings } from '../../client/cli/settings/resolve-settings.js';
import { SOURCE_RULES, SOURCE_TABLE, type RepositoryRule } from '../../client/cli/settings/setting-sources.js';
import { SETTINGS } from '../../client/cli/settings/settings.js';
import { Command } from '../support/command.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { fencedBlocks } from '../support/transcripts.js';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

t.test('the settings file of docs/OPERATIONS.md is accepted, with each value as it is written there', async (t) => {
  const [file] = fencedBlocks(read('docs/OPERATIONS.md'), 'json');
  const { limits, ...settings } = JSON.parse(file!) as { limits: Record<string, unknown> } & Record<string, unknown>;
  const home = mkdtempSync(join(tmpdir(), 'muse-bus-user-'));
  t.teardown(() => {
    rmSync(home, { recursive: true });
  });
  mkdirSync(join(home, 'muse-bus'));
  writeFileSync(join(home, 'muse-bus', 'config.json'), file!);
  const { views } = resolveSettings(new Map(), { XDG_CONFIG_HOME: home });
  const fromFile = views.filter(({ origin }) => origin === 'user-file');
  const expected = [
    ...Object.entries(settings),
    ...Object.entries(limits).map(([name, value]) => [`limit.${name}`, value] as const),
  ];
  t.same(new Map(fromFile.map(({ name, value }) => [name, value])), new Map(expected));
});

/** The table of the sources that may decide each setting, built from `setting-sources.ts`. */
function sourceTable(): string[] {
  const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``);
  const rows = SOURCE_TABLE.map(({ name, flag, variable, isInUserFile, rule }) => [
    code(name === 'limit' ? 'limits' : name),
    code(flag),
    code(variable),
    isInUserFile ? 'yes' : 'no',
    ruleText(rule.repository),
    rule.because,
  ]);
  const head = ['setting', 'flag', 'environment', 'your file', "the repository's file", 'because it'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}

t.test('the table of which source may decide which setting equals the one in the program', async (t) => {
  const [, table] = /<!-- prettier-ignore -->\n((?:\|.*\n)+)/.exec(read('docs/OPERATIONS.md'))!;
  t.strictSame(table!.trimEnd().split('\n'), sourceTable());
});

t.test('every setting has a rule for the repository’s file, with its reason', async (t) => {
  t.same(Object.keys(SOURCE_RULES).sort(), Object.keys(SETTINGS).sort());
  for (const [name, { because }] of Object.entries(SOURCE_RULES)) t.ok(because.length > 10, name);
});

t.test('the settings of an MCP client in the README start a server that exits in order', async (t) => {
  const [file] = fencedBlocks(read('README.md'), 'json');
  const { mcpServers } = JSON.parse(file!) as { mcpServers: Record<string, { command: string; args: string[] }> };
  const { command, args } = mcpServers['muse-bus']!;
  t.same([command, args[0]], ['muse-bus', 'mcp']);
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  // The end of its input ends the server.
  const mcp = Command.museBus(args.map((arg) => (arg === '/path/to/repository' ? repository.root : arg)));
  t.equal(await mcp.exit, 0, mcp.errors.join('\n'));
});

/** A rule as the document shows it. */
function ruleText(rule: RepositoryRule): string {
  switch (rule.may) {
    case 'nothing':
      return 'no';
    case 'lower':
      return rule.least > 1 ? `lower, down to ${String(rule.least)}` : 'lower';
    case 'range':
      return `${String(rule.low)} to ${String(rule.high)}`;
    case 'choose':
      return rule.values.join(', ');
  }
}
