import t from 'tap';
import { addGuard, removeGuard } from '../../../../client/cli/hook-settings/git-guard.js';
import { CLAUDE_CODE_TABLE, CODEX_TABLE, CURSOR_TABLE } from '../../../../client/cli/hook-settings/harness-tables.js';
import { addHooks, removeHooks, type HookTable } from '../../../../client/cli/hook-settings/hook-table.js';
import { lineDifference } from '../../../../client/cli/hook-settings/line-difference.js';
import { addMcpServer, removeMcpServer } from '../../../../client/cli/hook-settings/mcp-servers.js';
import type { SettingsEdit } from '../../../../client/cli/hook-settings/settings-edit.js';

const PLAIN = { program: 'muse-bus', whenUnknown: 'pass' } as const;
const MATCHER = CLAUDE_CODE_TABLE.events['PreToolUse']!.matcher!;

const ours = (command = 'muse-bus hook claude-code') => ({
  matcher: MATCHER,
  hooks: [{ type: 'command', command, timeout: 15 }],
});
const theirs = { matcher: 'Bash', hooks: [{ type: 'command', command: './mine.sh' }] };
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function changed(edit: SettingsEdit): string {
  if (edit.is !== 'changed' || edit.text === undefined) throw new Error(JSON.stringify(edit));
  return edit.text;
}

const preToolUse = (edit: SettingsEdit): unknown =>
  (JSON.parse(changed(edit)) as { hooks: Record<string, unknown> }).hooks['PreToolUse'];

t.test('hooks are added beside those of others, once, and mended where they are ours', async (t) => {
  const add = (value: unknown): SettingsEdit => addHooks(CLAUDE_CODE_TABLE, json(value), PLAIN);
  t.same(preToolUse(addHooks(CLAUDE_CODE_TABLE, undefined, PLAIN)), [ours()]);
  t.same(preToolUse(add({ hooks: { PreToolUse: [theirs] } })), [theirs, ours()]);
  t.same(preToolUse(add({ hooks: { PreToolUse: [ours('npx muse-bus hook claude-code --run-id x'), theirs] } })), [
    theirs,
    ours(),
  ]);
  const shared = {
    matcher: 'Edit',
    hooks: [...theirs.hooks, { type: 'command', command: 'muse-bus hook claude-code' }],
  };
  t.same(preToolUse(add({ hooks: { PreToolUse: [shared] } })), [{ ...theirs, matcher: 'Edit' }, ours()]);
});

t.test('a file keeps its ends of lines, its indentation and its mark of encoding', async (t) => {
  const before = '\uFEFF{\r\n\t"model": "x"\r\n}\r\n';
  const installed = changed(addHooks(CLAUDE_CODE_TABLE, before, PLAIN));
  t.match(installed, '\uFEFF{\r\n\t"model": "x",\r\n\t"hooks": {\r\n');
  t.notMatch(installed, /[^\r]\n/);
  t.equal(changed(removeHooks(CLAUDE_CODE_TABLE, installed)), before);
});

for (const table of [CLAUDE_CODE_TABLE, CODEX_TABLE, CURSOR_TABLE] as readonly HookTable[]) {
  t.test(`what ${table.harness} has besides survives an installation and a removal`, async (t) => {
    const event = Object.keys(table.events)[0]!;
    const other = table.shape === 'flat' ? { command: './mine.sh' } : theirs;
    const before = json({
      ...(table.version === undefined ? {} : { version: table.version }),
      model: 'x',
      hooks: { [event]: [other], preCompact: [] },
    });
    const installed = changed(addHooks(table, before, { ...PLAIN, whenUnknown: 'deny' }));
    t.match(installed, `muse-bus hook ${table.harness} --when-unknown deny`);
    t.same(addHooks(table, installed, { ...PLAIN, whenUnknown: 'deny' }), { is: 'same' }, 'once is enough');
    t.equal(changed(removeHooks(table, installed)), before);
    const alone = changed(addHooks(table, undefined, PLAIN));
    t.same(removeHooks(table, alone), { is: 'changed', text: undefined }, 'a file of ours alone goes');
    t.same(removeHooks(table, before), { is: 'same' });
    t.same(removeHooks(table, undefined), { is: 'same' });
  });
}

t.test('what is not as it should be is left alone', async (t) => {
  for (const text of [
    '[]',
    '"x"',
    '{"hooks": []}',
    '{"hooks": {"PreToolUse": {}}}',
    '{ // comment\n}',
    '{"hooks": null}',
  ])
    t.equal(addHooks(CLAUDE_CODE_TABLE, text, PLAIN).is, 'refused', text);
  t.equal(addHooks(CURSOR_TABLE, '{"version": 2}', PLAIN).is, 'refused');
  t.equal(addMcpServer('{"mcpServers": []}', PLAIN).is, 'refused');
});

t.test('settings of which something would be lost are left alone', async (t) => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  for (const [text, why] of [
    ['{"a": {"b": 1, "c": [], "b": 2}}', /the key "b" twice/],
    [String.raw`{"hooks": {"Stop": [], "\u0053top": []}}`, /the key "\\u0053top" twice/],
    ['{"id": 12345678901234567890}', /the number 12345678901234567890 would be another one/],
    ['{"x": 1e400}', /the number 1e400/],
    ['{"x": 0.12345678901234567}', /the number 0\.1/],
    [`{"x": ${deep}}`, /nested more than 200 deep/],
  ] as const)
    for (const edit of [addHooks(CLAUDE_CODE_TABLE, text, PLAIN), addMcpServer(text, PLAIN)])
      t.match(edit, { is: 'refused', why }, text.slice(0, 60));
  const kept = { a: { b: 1 }, c: { b: 1.5 }, text: '"b": 1, "b": 2 } [', numbers: [-1, 0, 1e3, 9007199254740991] };
  t.match(JSON.parse(changed(addHooks(CLAUDE_CODE_TABLE, JSON.stringify(kept), PLAIN))), kept);
});

t.test('an event named as a member of every object is an event', async (t) => {
  const before = '{"hooks":{"__proto__":[{"hooks":[]}],"constructor":[]}}';
  const installed = changed(addHooks(CLAUDE_CODE_TABLE, before, PLAIN));
  t.match(installed, /"__proto__": \[\s*\{\s*"hooks": \[\]/);
  t.equal(JSON.stringify(JSON.parse(changed(removeHooks(CLAUDE_CODE_TABLE, installed)))), before);
});

t.test('a file keeps its indentation', async (t) => {
  const text = changed(addHooks(CLAUDE_CODE_TABLE, '{\n\t"model": "x"\n}', PLAIN));
  t.match(text, /^\{\n\t"model": "x",\n\t"hooks": \{\n\t\t"PreToolUse"/);
  t.notMatch(text, /\n$/);
});

t.test('the server of tools is added beside others, and keeps what else is set for it', async (t) => {
  const before = { mcpServers: { db: { command: 'db' }, 'muse-bus': { command: 'old', env: { A: '1' } } } };
  t.same(JSON.parse(changed(addMcpServer(json(before), { program: 'npx muse-bus' }))), {
    mcpServers: { db: { command: 'db' }, 'muse-bus': { command: 'npx', args: ['muse-bus', 'mcp'], env: { A: '1' } } },
  });
  const added = changed(addMcpServer(undefined, PLAIN));
  t.same(addMcpServer(added, PLAIN), { is: 'same' });
  t.same(removeMcpServer(added), { is: 'changed', text: undefined });
});

t.test('the guard stands before everything else in a shell script, once, and leaves nothing behind', async (t) => {
  for (const first of ['#!/bin/sh', '#!/usr/bin/env bash', '#!/bin/bash -e', '#! /bin/sh']) {
    const before = `${first}\nnpm test\nexit 0\n`;
    const guarded = changed(addGuard(before, PLAIN));
    t.match(
      guarded,
      /^#![^\n]+\n# muse-bus: begin\n[^]*muse-bus hook git \|\| exit 1\n[^]*# muse-bus: end\nnpm test\n/,
    );
    t.same(addGuard(guarded, PLAIN), { is: 'same' });
    t.match(changed(addGuard(guarded, { ...PLAIN, whenUnknown: 'deny' })), /hook git --when-unknown deny \|\| exit 1/);
    t.equal(changed(removeGuard(guarded)), before);
  }
  t.same(removeGuard(changed(addGuard(undefined, PLAIN))), { is: 'changed', text: undefined });
  for (const text of ['#!/usr/bin/env python3\n', 'no script\n', '\u007fELF'])
    t.equal(addGuard(text, PLAIN).is, 'refused', text);
});

t.test('a difference shows what changes, with the lines around it', async (t) => {
  const lines = Array.from({ length: 9 }, (_, i) => `line ${String(i)}`);
  const after = [...lines.slice(0, 4), 'new', ...lines.slice(5)];
  const shown = lineDifference(`${lines.join('\n')}\n`, `${after.join('\n')}\n`).map(({ mark, text }) => mark + text);
  t.same(shown, [' line 2', ' line 3', '-line 4', '+new', ' line 5', ' line 6', '…']);
  t.same(
    lineDifference('', 'a\nb\n').map(({ mark }) => mark),
    ['+', '+'],
  );
  t.same(lineDifference('a\n', 'a\n'), []);
});
