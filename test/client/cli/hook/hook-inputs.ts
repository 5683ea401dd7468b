/** What each harness sends to a hook, by the fields that its documentation names. */

const CLAUDE = {
  session_id: '3f2a9c1e-0b7d-4e51-9a55-1c2d3e4f5a6b',
  transcript_path: '/home/ada/.claude/projects/shop/3f2a9c1e.jsonl',
  cwd: '/work/shop',
  permission_mode: 'default',
};

const CODEX = {
  session_id: '0199a213-81c0-7800-8aa1-bbab2a035a53',
  turn_id: '0199a213-9f3e-7000-8000-000000000001',
  transcript_path: null,
  cwd: '/work/shop',
  model: 'gpt-5-codex',
  permission_mode: 'default',
};

const CURSOR = {
  conversation_id: '668320d2-2fd8-4888-b33c-2a466fec86e7',
  generation_id: '490b90b7-a2ce-4c2c-bb76-cb77b125df2f',
  model: 'claude-sonnet-4',
  cursor_version: '2.1.0',
  workspace_roots: ['/work/shop'],
  user_email: null,
};

export const claudeCode = (hook_event_name: string, fields: object = {}): object => ({
  ...CLAUDE,
  hook_event_name,
  ...fields,
});
export const codex = (hook_event_name: string, fields: object = {}): object => ({
  ...CODEX,
  hook_event_name,
  ...fields,
});
export const cursor = (hook_event_name: string, fields: object = {}): object => ({
  ...CURSOR,
  hook_event_name,
  ...fields,
});

export const PATCH = [
  '*** Begin Patch',
  '*** Update File: src/billing.py',
  '@@ def compute_total(items):',
  '     total = 0',
  '-    return total',
  '+    return round(total, 2)',
  '*** Add File: src/rounding.py',
  '+def to_cents(value): ...',
  '*** Delete File: src/old.py',
  '*** Update File: src/a.py',
  '*** Move to: src/b.py',
  '@@',
  '-x = 1',
  '+x = 2',
  '*** End Patch',
].join('\n');
