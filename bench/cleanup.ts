/** What must not be left behind, the newest last. */
const undone = new Set<() => void>();

/**
 * Registers what is to be undone if the run ends before it is done in order: on Ctrl-C, on a failure. It must not wait.
 * @returns takes it off again, once it has been done.
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

/** From here on an interrupted run leaves neither processes nor folders. */
export function cleanUpOnAbort(): void {
  process.on('exit', undoAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
}
