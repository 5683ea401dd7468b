import { toolCall } from './claude-code.js';
import { asFields, textIn, type Fields } from './fields.js';
import type { HarnessForm, HookCall } from './hook-call.js';

/**
 * Cursor: events in camel case, and a JSON object for every answer. Before a tool, Cursor passes a text to the model only with a denial;
 * after a tool and at the start of a session it passes `additional_context`. At a prompt it passes nothing, and after a stop it sends
 * `followup_message` as the next message of the user.
 */
export const CURSOR: HarnessForm = {
  read(input) {
    const fields = asFields(input);
    const event = textIn(fields, ['hook_event_name']);
    if (event === undefined) throw new Error('the input has no hook_event_name');
    const roots = fields['workspace_roots'];
    const root: unknown = Array.isArray(roots) ? roots[0] : undefined;
    return {
      event,
      call: callOf(event, fields),
      session: textIn(fields, ['conversation_id', 'session_id']),
      directory: textIn(fields, ['cwd']) ?? (typeof root === 'string' && root !== '' ? root : undefined),
    };
  },
  answer({ call }, outcome) {
    if (outcome.is === 'none') return { json: {}, exitCode: 0 };
    const { text } = outcome;
    if (outcome.is === 'denied') {
      return {
        json: {
          permission: 'deny',
          user_message: 'muse-bus has stopped an edit; the agent was told why',
          agent_message: text,
        },
        exitCode: 0,
      };
    }
    if (call.is === 'pause' && call.at === 'stop') return { json: { followup_message: text }, exitCode: 0 };
    const isHeard = call.is !== 'before' && call.is !== 'before-unreadable';
    return { json: isHeard ? { additional_context: text } : {}, exitCode: 0 };
  },
};

function callOf(event: string, fields: Fields): HookCall {
  switch (event) {
    case 'sessionStart':
      return { is: 'pause', at: 'start' };
    case 'stop':
      return isFirstStop(fields) ? { is: 'pause', at: 'stop' } : { is: 'none' };
    case 'preToolUse':
    case 'postToolUse':
      break;
    default:
      return { is: 'none' };
  }
  return toolCall(event === 'preToolUse', textIn(fields, ['tool_name']), inputOf(fields));
}

/** Whether the agent has come to its end by itself, and not after a message of a hook. */
function isFirstStop({ status, loop_count: loops }: Fields): boolean {
  return (status === undefined || status === 'completed') && (loops === undefined || loops === 0);
}

/** Some versions of Cursor send the input of a tool as JSON text. */
function inputOf({ tool_input: input }: Fields): unknown {
  if (typeof input !== 'string' || !input.startsWith('{')) return input;
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}
