/** Where the browser refuses its storage, because it blocks cookies, a reload of the page forgets. */
const memory = new Map<string, string>();

export function keepInTab(key: string, value: string): void {
  memory.set(key, value);
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Kept in memory.
  }
}

export function keptInTab(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? memory.get(key);
  } catch {
    return memory.get(key);
  }
}
