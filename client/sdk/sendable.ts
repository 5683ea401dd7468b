/**
 * Whether a message can be sent: its texts have a form in UTF-8, its numbers are finite, and everything else in it is what JSON has. The
 * server ends a connection over anything else, and the next connection would send it again.
 */
export function isSendable(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed();
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return true;
    case 'object':
      return value === null || (isPlain(value) && Object.entries(value).every(isSendableField));
    default:
      return false;
  }
}

/** Returns a value without the fields that are `undefined`, as JSON leaves them out: MessagePack would carry them. */
export function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(fields.map(([name, one]) => [name, withoutUndefined(one)]));
}

const isSendableField = ([name, value]: readonly [string, unknown]): boolean =>
  name.isWellFormed() && isSendable(value);

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
