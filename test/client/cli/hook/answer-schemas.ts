import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/**
 * What each harness takes from a hook, by event, as its documentation says; for Codex as its generated schemas do. Every field that one does
 * not name is refused, as Codex does.
 */
const TEXT = { type: 'string' } as const;
const SOMETHING = { type: 'string', pattern: '\\S' } as const;
const FLAG = { type: 'boolean' } as const;

const object = (properties: object, required: readonly string[] = []): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** Claude Code and Codex: fields of every event, and those of one. */
const COMMON = { continue: FLAG, stopReason: TEXT, suppressOutput: FLAG, systemMessage: TEXT };
const BLOCK = { decision: { const: 'block' }, reason: SOMETHING };

const specific = (event: string, properties: object): object =>
  object({ hookEventName: { const: event }, ...properties }, ['hookEventName']);

const preToolUse = (decisions: readonly string[]): object => ({
  ...object({
    ...COMMON,
    hookSpecificOutput: {
      ...specific('PreToolUse', {
        permissionDecision: { enum: decisions },
        permissionDecisionReason: SOMETHING,
        additionalContext: SOMETHING,
        updatedInput: { type: 'object' },
      }),
      dependentRequired: { permissionDecision: ['permissionDecisionReason'] },
    },
  }),
});

const told = (event: string, others: object = {}): object =>
  object({ ...COMMON, ...others, hookSpecificOutput: specific(event, { additionalContext: SOMETHING }) });

const STOP = { ...object({ ...COMMON, ...BLOCK }), dependentRequired: { decision: ['reason'] } };

const SCHEMAS: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  'claude-code': {
    PreToolUse: preToolUse(['allow', 'deny', 'ask', 'defer']),
    PostToolUse: told('PostToolUse', BLOCK),
    SessionStart: told('SessionStart'),
    UserPromptSubmit: told('UserPromptSubmit', BLOCK),
    Stop: STOP,
  },
  codex: {
    PreToolUse: preToolUse(['allow', 'deny', 'ask']),
    PostToolUse: told('PostToolUse', BLOCK),
    SessionStart: told('SessionStart'),
    UserPromptSubmit: told('UserPromptSubmit', BLOCK),
    Stop: STOP,
  },
  cursor: {
    preToolUse: object({
      permission: { enum: ['allow', 'deny', 'ask'] },
      user_message: SOMETHING,
      agent_message: SOMETHING,
      updated_input: { type: 'object' },
    }),
    postToolUse: object({ additional_context: SOMETHING, updated_mcp_tool_output: {} }),
    sessionStart: object({ additional_context: SOMETHING, env: { type: 'object' } }),
    stop: object({ followup_message: SOMETHING }),
  },
};

const ajv = new Ajv2020({ allErrors: true, strict: false });
const validators = new Map<string, ValidateFunction>();

/** The events of a harness at which a hook is installed. */
export const eventsOf = (harness: string): readonly string[] => Object.keys(SCHEMAS[harness]!);

/**
 * Returns why a harness would not understand an answer; `undefined` if it does. Nothing printed is understood by Claude Code and Codex as
 * nothing said; Cursor wants an object.
 */
export function faultOf(harness: string, event: string, answer: unknown): string | undefined {
  if (answer === undefined) return harness === 'cursor' ? 'no object' : undefined;
  const schema = SCHEMAS[harness]?.[event];
  if (schema === undefined) return `no answer is expected at ${event}`;
  const key = `${harness} ${event}`;
  const validate = validators.get(key) ?? ajv.compile(schema);
  validators.set(key, validate);
  return validate(answer) ? undefined : ajv.errorsText(validate.errors);
}
