import t from 'tap';
import { CLAUDE_CODE } from '../../../../client/cli/hook/claude-code.js';
import { CODEX } from '../../../../client/cli/hook/codex.js';
import { CURSOR } from '../../../../client/cli/hook/cursor.js';
import { stagedEdits } from '../../../../client/cli/hook/git.js';
import type { HarnessForm, HookAnswer, HookCall, HookOutcome } from '../../../../client/cli/hook/hook-call.js';
import { eventsOf, faultOf } from './answer-schemas.js';
import { claudeCode, codex, cursor, PATCH } from './hook-inputs.js';

const edit = (path: string, ...replaces: string[]) => ({
  path,
  replaces: replaces.length === 0 ? ('all' as const) : replaces,
});

const patchOf = (...lines: readonly string[]): string => ['*** Begin Patch', ...lines, '*** End Patch'].join('\n');

const inputs: readonly (readonly [name: string, form: HarnessForm, input: object, call: HookCall])[] = [
  [
    'Edit names its file and what it replaces',
    CLAUDE_CODE,
    claudeCode('PreToolUse', {
      tool_name: 'Edit',
      tool_input: { file_path: '/work/shop/src/billing.py', old_string: 'total = 0', new_string: 'total = 1' },
      tool_use_id: 'toolu_01',
    }),
    { is: 'before', edits: [edit('/work/shop/src/billing.py', 'total = 0')] },
  ],
  [
    'Write replaces the whole file',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Write', tool_input: { file_path: '/work/shop/a.py', content: 'x' } }),
    { is: 'before', edits: [edit('/work/shop/a.py')] },
  ],
  [
    'an Edit with nothing to replace makes the file',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Edit', tool_input: { file_path: 'a.py', old_string: '', new_string: 'x' } }),
    { is: 'before', edits: [edit('a.py')] },
  ],
  [
    'MultiEdit has several texts in one file',
    CLAUDE_CODE,
    claudeCode('PreToolUse', {
      tool_name: 'MultiEdit',
      tool_input: {
        file_path: 'a.py',
        edits: [
          { old_string: 'one', new_string: '1' },
          { old_string: 'two', new_string: '2' },
        ],
      },
    }),
    { is: 'before', edits: [edit('a.py', 'one', 'two')] },
  ],
  [
    'NotebookEdit calls its file otherwise',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'NotebookEdit', tool_input: { notebook_path: 'a.ipynb', new_source: 'x' } }),
    { is: 'before', edits: [edit('a.ipynb')] },
  ],
  [
    'an editing tool that names no file is not taken for harmless',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Edit', tool_input: { target: 'a.py' } }),
    { is: 'before-unreadable', why: 'the input of Edit names no file' },
  ],
  [
    'a tool that reads is nothing to the hook',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Read', tool_input: { file_path: 'a.py' } }),
    { is: 'none' },
  ],
  [
    'nor is a command before it runs',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Bash', tool_input: { command: 'sed -i s/a/b/ a.py' } }),
    { is: 'none' },
  ],
  [
    'after a command anything may have changed',
    CLAUDE_CODE,
    claudeCode('PostToolUse', { tool_name: 'Bash', tool_input: { command: 'make' }, tool_response: { stdout: '' } }),
    { is: 'after-shell' },
  ],
  [
    'after an edit its file has changed',
    CLAUDE_CODE,
    claudeCode('PostToolUse', { tool_name: 'Write', tool_input: { file_path: 'a.py', content: 'x' } }),
    { is: 'after', edits: [edit('a.py')] },
  ],
  ['any other event', CLAUDE_CODE, claudeCode('Notification', { message: 'x' }), { is: 'none' }],
  [
    'every file head of a patch is read, a moved file under both names',
    CODEX,
    codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: PATCH }, tool_use_id: 'call_1' }),
    {
      is: 'before',
      edits: [
        edit('src/billing.py', ' def compute_total(items):', '    return total'),
        edit('src/rounding.py'),
        edit('src/old.py'),
        edit('src/a.py'),
        edit('src/b.py'),
      ],
    },
  ],
  [
    'a patch within a command is a patch',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'Bash',
      tool_input: { command: "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch\nEOF" },
    }),
    { is: 'before', edits: [edit('a.py')] },
  ],
  [
    'a patch in a command is relative to where Codex runs it',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'exec_command',
      tool_input: {
        cmd: `cd "sub dir" && apply_patch <<'EOF'\n${patchOf('*** Delete File: a.py')}\nEOF`,
        workdir: 'src',
      },
    }),
    { is: 'before', edits: [edit('src/sub dir/a.py')] },
  ],
  [
    'each patch of a command is relative to the directory that the command has changed to',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'Bash',
      tool_input: {
        command: ['cd docs', "cd '../my src'"]
          .map((change) => `${change} && apply_patch <<'EOF'\n${patchOf('*** Delete File: a.py')}\nEOF\n`)
          .concat(`apply_patch <<'EOF'\n${patchOf('*** Delete File: b.py')}\nEOF`)
          .join(''),
      },
    }),
    { is: 'before', edits: [edit('docs/a.py'), edit('my src/a.py'), edit('my src/b.py')] },
  ],
  [
    'a command that only mentions a patch names no file, and is none',
    CODEX,
    codex('PreToolUse', { tool_name: 'Bash', tool_input: { command: "grep -r '*** Begin Patch' ." } }),
    { is: 'none' },
  ],
  [
    'the words of a command, but not several files, are one text',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'shell',
      tool_input: { command: ['apply_patch', patchOf('*** Delete File: a.py')] },
    }),
    { is: 'before', edits: [edit('a.py')] },
  ],
  [
    'a list of files is no file',
    CLAUDE_CODE,
    claudeCode('PreToolUse', { tool_name: 'Write', tool_input: { file_path: ['a.py', 'b.py'] } }),
    { is: 'before-unreadable', why: 'the input of Write names no file' },
  ],
  [
    'a line that is added changes what encloses it, and not what stands beside that',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'apply_patch',
      tool_input: {
        command: patchOf(
          '*** Update File: a.py',
          '@@',
          ' def f():',
          '     return 1',
          ' def g():',
          '+    x = 1',
          '+def h():',
          '+    y = 1',
        ),
      },
    }),
    { is: 'before', edits: [edit('a.py', '', 'def g():')] },
  ],
  [
    'a head with blanks before it is a head, except among the lines of a file',
    CODEX,
    codex('PreToolUse', {
      tool_name: 'apply_patch',
      tool_input: {
        command: patchOf('*** Delete File: a.py', '  *** Update File: b.py', ' *** Delete File: c.py', '-x'),
      },
    }),
    { is: 'before', edits: [edit('a.py'), edit('b.py', 'x')] },
  ],
  [
    'a patch without a file is not taken for harmless',
    CODEX,
    codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: '*** Begin Patch\n*** End Patch' } }),
    { is: 'before-unreadable', why: 'the patch of apply_patch names no file' },
  ],
  [
    'the input of a tool as an object',
    CURSOR,
    cursor('preToolUse', { tool_name: 'Write', tool_input: { file_path: 'a.py', content: 'x' }, cwd: '/work/shop' }),
    { is: 'before', edits: [edit('a.py')] },
  ],
  [
    'and as a text of JSON',
    CURSOR,
    cursor('preToolUse', { tool_name: 'StrReplace', tool_input: '{"path":"a.py","old_string":"x","new_string":"y"}' }),
    { is: 'before', edits: [edit('a.py', 'x')] },
  ],
  ['any other event of Cursor', CURSOR, cursor('beforeReadFile', { file_path: 'a.py' }), { is: 'none' }],
  [
    'a tool that reads is a moment to be told something, after it has run',
    CLAUDE_CODE,
    claudeCode('PostToolUse', { tool_name: 'Read', tool_input: { file_path: 'a.py' } }),
    { is: 'after-other' },
  ],
  ['a start', CODEX, codex('SessionStart', { source: 'startup' }), { is: 'pause', at: 'start' }],
  ['a prompt', CLAUDE_CODE, claudeCode('UserPromptSubmit', { prompt: 'go on' }), { is: 'pause', at: 'prompt' }],
  ['a stop', CLAUDE_CODE, claudeCode('Stop', { stop_hook_active: false }), { is: 'pause', at: 'stop' }],
  ['a stop after a hook has made it go on', CODEX, codex('Stop', { stop_hook_active: true }), { is: 'none' }],
  ['a start of Cursor', CURSOR, cursor('sessionStart', { composer_mode: 'agent' }), { is: 'pause', at: 'start' }],
  ['a stop of Cursor', CURSOR, cursor('stop', { status: 'completed', loop_count: 0 }), { is: 'pause', at: 'stop' }],
  ['a stop after its own message', CURSOR, cursor('stop', { status: 'completed', loop_count: 1 }), { is: 'none' }],
  ['a stop by its user', CURSOR, cursor('stop', { status: 'aborted', loop_count: 0 }), { is: 'none' }],
];

t.test('the input of a harness says what is about to happen, or has happened', async (t) => {
  for (const [name, form, input, call] of inputs) t.same(form.read(input).call, call, name);
});

t.test('an input that no harness sends is refused', async (t) => {
  for (const input of [null, 'text', [], {}, { hook_event_name: 7 }])
    for (const form of [CLAUDE_CODE, CODEX, CURSOR]) t.throws(() => form.read(input), /hook_event_name/);
});

t.test('the session and the directory are read from where a harness has them', async (t) => {
  const { session, directory } = CURSOR.read(cursor('sessionStart'));
  t.same({ session, directory }, { session: '668320d2-2fd8-4888-b33c-2a466fec86e7', directory: '/work/shop' });
  t.equal(CLAUDE_CODE.read(claudeCode('Stop')).session, '3f2a9c1e-0b7d-4e51-9a55-1c2d3e4f5a6b');
});

const NONE: HookOutcome = { is: 'none' };
const SAID: HookOutcome = { is: 'said', text: 'mind' };
const DENIED: HookOutcome = { is: 'denied', text: 'no' };
const before = { tool_name: 'Write', tool_input: { file_path: 'a.py' } };

const answers: readonly (readonly [name: string, HarnessForm, input: object, HookOutcome, HookAnswer])[] = [
  [
    'where nothing is wrong nothing is printed: an "allow" would suppress the person’s own prompt',
    CLAUDE_CODE,
    claudeCode('PreToolUse', before),
    NONE,
    { exitCode: 0 },
  ],
  [
    'something is said without a decision',
    CLAUDE_CODE,
    claudeCode('PreToolUse', before),
    SAID,
    { json: { hookSpecificOutput: { hookEventName: 'PreToolUse', additionalContext: 'mind' } }, exitCode: 0 },
  ],
  [
    'a denial has its reason',
    CLAUDE_CODE,
    claudeCode('PreToolUse', before),
    DENIED,
    {
      json: {
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'deny',
          permissionDecisionReason: 'no',
        },
      },
      exitCode: 0,
    },
  ],
  [
    'after a tool',
    CLAUDE_CODE,
    claudeCode('PostToolUse', before),
    SAID,
    { json: { hookSpecificOutput: { hookEventName: 'PostToolUse', additionalContext: 'mind' } }, exitCode: 0 },
  ],
  [
    'Codex takes the same',
    CODEX,
    codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: PATCH } }),
    DENIED,
    {
      json: {
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'deny',
          permissionDecisionReason: 'no',
        },
      },
      exitCode: 0,
    },
  ],
  ['Cursor takes an object for every answer', CURSOR, cursor('preToolUse', before), NONE, { json: {}, exitCode: 0 }],
  [
    'before a tool Cursor tells its model nothing but a denial',
    CURSOR,
    cursor('preToolUse', before),
    SAID,
    { json: {}, exitCode: 0 },
  ],
  [
    'a denial of Cursor',
    CURSOR,
    cursor('preToolUse', before),
    DENIED,
    {
      json: {
        permission: 'deny',
        user_message: 'muse-bus has stopped an edit; the agent was told why',
        agent_message: 'no',
      },
      exitCode: 0,
    },
  ],
  [
    'after a tool Cursor tells it more',
    CURSOR,
    cursor('postToolUse', before),
    SAID,
    { json: { additional_context: 'mind' }, exitCode: 0 },
  ],
  [
    'at a prompt',
    CLAUDE_CODE,
    claudeCode('UserPromptSubmit'),
    SAID,
    { json: { hookSpecificOutput: { hookEventName: 'UserPromptSubmit', additionalContext: 'mind' } }, exitCode: 0 },
  ],
  ['at a stop', CODEX, codex('Stop'), SAID, { json: { decision: 'block', reason: 'mind' }, exitCode: 0 }],
  ['at a stop of Cursor', CURSOR, cursor('stop'), SAID, { json: { followup_message: 'mind' }, exitCode: 0 }],
];

t.test('an outcome is answered in the form of the harness', async (t) => {
  for (const [name, form, input, outcome, answer] of answers)
    t.same(form.answer(form.read(input), outcome), answer, name);
});

/** What a harness sends at each event at which a hook is installed. */
const SENT: Readonly<Record<string, (event: string, fields?: object) => object>> = {
  'claude-code': claudeCode,
  codex,
  cursor,
};

t.test('whatever there is to say, a harness understands the answer', async (t) => {
  for (const [harness, form] of Object.entries({ 'claude-code': CLAUDE_CODE, codex: CODEX, cursor: CURSOR })) {
    for (const event of eventsOf(harness)) {
      const tools = [before, { tool_name: 'Write', tool_input: {} }, { tool_name: 'Read', tool_input: {} }, {}];
      for (const fields of /tooluse/i.test(event) ? tools : [{}]) {
        const input = form.read(SENT[harness]!(event, fields));
        const mayDeny = input.call.is.startsWith('before');
        const outcomes = input.call.is === 'none' ? [NONE] : mayDeny ? [NONE, SAID, DENIED] : [NONE, SAID];
        for (const outcome of outcomes) {
          const { json } = form.answer(input, outcome);
          t.equal(faultOf(harness, event, json), undefined, `${harness} ${event} ${JSON.stringify(json)}`);
        }
      }
    }
    t.ok(faultOf(harness, eventsOf(harness)[0]!, { hook_specific_output: {} }), 'and no answer but those');
  }
});

t.test('a commit is what git lists, with the lines that it removes and what encloses them', async (t) => {
  const diff = [
    'diff --git a/src/a.py b/src/a.py',
    '--- a/src/a.py',
    '+++ b/src/a.py',
    '@@ -2 +2 @@ def compute_total(items):',
    '-    return 1',
    '+    return 2',
    '@@ -8,0 +9,2 @@ def other():',
    '+--- a/forged.py',
    '++++ b/forged.py',
    'diff --git a/new.py b/new.py',
    '--- /dev/null',
    '+++ b/new.py',
    '@@ -0,0 +1 @@',
    '+x',
    'diff --git a/a b.py b/a b.py',
    '--- a/a b.py\t',
    '+++ b/a b.py\t',
    '@@ -1 +0,0 @@',
    '-gone',
    '\\ No newline at end of file',
    'diff --git a/picture.png b/picture.png',
    'Binary files a/picture.png and b/picture.png differ',
    '',
  ].join('\n');
  t.same(stagedEdits('src/a.py\0new.py\0a b.py\0picture.png\0', diff), [
    edit('src/a.py', 'def compute_total(items):', '    return 1', 'def other():'),
    edit('new.py'),
    edit('a b.py', '', 'gone'),
    edit('picture.png'),
  ]);
});
