/** Returns a number with three significant digits, without an exponent. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** Returns an exponent with two decimals. */
export function exponent(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2).replace(/^-(0\.00)$/, '$1') : '–';
}

/** Returns a whole number with commas. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
