/** The functions that undo what the run has made, the newest last. */
const undone = new Set<() => void>();

/**
 * Registers a function that undoes something if the run ends early, on Ctrl-C or a failure. The function must be synchronous.
 * @returns a function that removes the registration, to be called after the normal cleanup.
 */
export function onAbort(undo: () => void): () => void {
  undone.add(undo);
  return () => undone.delete(undo);
}

function undoAll(): void {
  for (const undo of [...undone].reverse()) {
    try {
      undo();
    } catch (error) {
      process.stderr.write(`left behind: ${(error as Error).message}\n`);
    }
  }
  undone.clear();
}

/** Installs the handlers, so that an interrupted run leaves neither processes nor folders. */
export function cleanUpOnAbort(): void {
  process.on('exit', undoAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
}
