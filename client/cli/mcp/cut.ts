import { visibleText, type JsonValue } from '../../../protocol/index.js';

/** The most that is shown of a value, even if more would fit. */
export interface CutLimits {
  readonly text: number;
  readonly list: number;
  readonly fields: number;
  readonly depth: number;
}

export const SHORT: CutLimits = { text: 200, list: 20, fields: 40, depth: 4 };
/** Limited only by the size of the answer, and to a depth that every JSON reader supports. */
export const WHOLE: CutLimits = { text: Infinity, list: Infinity, fields: Infinity, depth: 32 };

const MAX_NAME = 100;
const CUT = '…';

export interface CutValue {
  readonly value: JsonValue;
  readonly isCut: boolean;
}

/** The characters that a value takes in an answer. */
export const sizeOf = (value: unknown): number => answerText(value).length;

/** A value as the text of an answer. Nothing in a record can open or close a tag of the prompt around it. */
export function answerText(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/**
 * A value from a record with invisible characters escaped, cut to `room` characters. Long texts, long lists, many fields and
 * deep values end in `…`.
 */
export function cutValue(value: JsonValue, limits: CutLimits, room: number): CutValue {
  for (let tried = room; tried >= 16; tried = Math.floor(tried / 2)) {
    const cutter = new Cutter(limits, tried);
    const shown = cutter.cut(value, limits.depth);
    // The signs that stand for omitted parts may make the value too large again.
    if (sizeOf(shown) <= room) return { value: shown, isCut: cutter.isCut };
  }
  return { value: CUT, isCut: true };
}

class Cutter {
  isCut = false;
  #used = 0;

  constructor(
    private readonly limits: CutLimits,
    private readonly room: number,
  ) {}

  cut(value: JsonValue, depth: number): JsonValue {
    if (typeof value === 'string') return this.#take(this.#text(value, this.limits.text));
    if (typeof value !== 'object' || value === null) return this.#take(value);
    const isList = Array.isArray(value);
    const entries = isList ? (value as readonly JsonValue[]) : Object.entries(value as Record<string, JsonValue>);
    if (depth === 0 && entries.length > 0) {
      this.isCut = true;
      return this.#take(`${CUT} ${String(entries.length)} ${isList ? 'items' : 'fields'}`);
    }
    this.#used += 2;
    return isList
      ? this.#list(entries, depth)
      : this.#fields(entries as readonly (readonly [string, JsonValue])[], depth);
  }

  #list(list: readonly JsonValue[], depth: number): JsonValue {
    const shown: JsonValue[] = [];
    for (const item of list) {
      if (shown.length >= this.limits.list || this.#isFull) break;
      shown.push(this.cut(item, depth - 1));
    }
    const left = list.length - shown.length;
    if (left > 0) shown.push(this.#more(left));
    return shown;
  }

  #fields(fields: readonly (readonly [string, JsonValue | undefined])[], depth: number): JsonValue {
    const shown: [string, JsonValue][] = [];
    for (const [name, value] of fields) {
      if (shown.length >= this.limits.fields || this.#isFull) break;
      if (value === undefined) continue;
      shown.push([this.#take(this.#text(name, MAX_NAME)), this.cut(value, depth - 1)]);
    }
    const left = fields.filter(([, value]) => value !== undefined).length - shown.length;
    if (left > 0) shown.push([CUT, this.#more(left)]);
    return Object.fromEntries(shown);
  }

  #text(text: string, most: number): string {
    let end = Math.min(text.length, most, Math.max(0, this.room - this.#used));
    for (;;) {
      const shown = visibleText(headOf(text, end));
      if (this.#used + sizeOf(shown) <= this.room || end === 0) {
        if (end === text.length) return shown;
        this.isCut = true;
        return `${shown}${CUT}`;
      }
      end = Math.floor(end / 2);
    }
  }

  #more(left: number): string {
    this.isCut = true;
    return `${CUT} ${String(left)} more`;
  }

  #take<T extends JsonValue>(value: T): T {
    this.#used += sizeOf(value) + 1;
    return value;
  }

  get #isFull(): boolean {
    return this.#used >= this.room;
  }
}

/** The first characters, without half of a surrogate pair at the end. */
function headOf(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const isHalf = length < text.length && last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? length - 1 : length);
}
