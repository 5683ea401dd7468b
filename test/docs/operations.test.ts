import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Command } from '../support/command.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { fencedBlocks } from '../support/transcripts.js';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

t.test('the settings file of docs/OPERATIONS.md is taken, each value as it stands there', async (t) => {
  const [file] = fencedBlocks(read('docs/OPERATIONS.md'), 'json');
  const { limits, ...settings } = JSON.parse(file!) as { limits: Record<string, unknown> } & Record<string, unknown>;
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  mkdirSync(repository.dir.bus, { recursive: true });
  writeFileSync(join(repository.dir.bus, 'config.json'), file!);
  const config = Command.museBus(['config', '--json', '--root', repository.root]);
  t.equal(await config.exit, 0, config.errors.join('\n'));
  const fromFile = config
    .json<{ name: string; value: unknown; origin: string }>()
    .filter(({ origin }) => origin === 'file');
  const expected = [
    ...Object.entries(settings),
    ...Object.entries(limits).map(([name, value]) => [`limit.${name}`, value] as const),
  ];
  t.same(new Map(fromFile.map(({ name, value }) => [name, value])), new Map(expected));
});

t.test('the settings of an MCP client in the README start one that answers', async (t) => {
  const [file] = fencedBlocks(read('README.md'), 'json');
  const { mcpServers } = JSON.parse(file!) as { mcpServers: Record<string, { command: string; args: string[] }> };
  const { command, args } = mcpServers['muse-bus']!;
  t.same([command, args[0]], ['npx', 'muse-bus']);
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  // Its input is at its end at once.
  const mcp = Command.museBus(args.slice(1).map((arg) => (arg === '/path/to/repository' ? repository.root : arg)));
  t.equal(await mcp.exit, 0, mcp.errors.join('\n'));
});
