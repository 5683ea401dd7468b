import { useState } from 'preact/hooks';

/** Returns a function that draws the component again. */
export function useRedraw(): () => void {
  const [, set] = useState(0);
  return () => {
    set((n) => n + 1);
  };
}
