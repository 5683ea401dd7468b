import type { Log } from '../../../server/runtime/log.js';

/** A log that turns the lines of a process into lines of the life's story. */
export function storyLog(name: string, tell: (text: string) => void): Log {
  return {
    debug: () => undefined,
    info: (_fields, message) => {
      tell(`${name}: ${message}`);
    },
    warn: (fields, message) => {
      tell(`${name} warns: ${message} ${shown(fields)}`);
    },
    error: (fields, message) => {
      tell(`${name} error: ${message} ${shown(fields)}`);
    },
  };
}

function shown(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.message : value)).slice(
    0,
    200,
  );
}
