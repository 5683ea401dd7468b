import type { Log } from '../../server/runtime/log.js';

/** A log that keeps its lines in memory. */
export class RecordingLog implements Log {
  readonly lines: { readonly level: keyof Log; readonly fields: object; readonly message: string }[] = [];

  debug = (fields: object, message: string): void => void this.lines.push({ level: 'debug', fields, message });
  info = (fields: object, message: string): void => void this.lines.push({ level: 'info', fields, message });
  warn = (fields: object, message: string): void => void this.lines.push({ level: 'warn', fields, message });
  error = (fields: object, message: string): void => void this.lines.push({ level: 'error', fields, message });

  messages(level: keyof Log): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}
