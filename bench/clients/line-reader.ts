import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Runs a command that prints lines. Resolves when `isReady` accepts one of them, on stdout or stderr. */
export async function readLines(
  command: string,
  args: readonly string[],
  line: (text: string) => void,
  options: { readonly input?: string; readonly isReady: (text: string) => boolean },
): Promise<() => void> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill());
  const ready = new Promise<void>((resolve, reject) => {
    const look = (text: string): void => {
      if (options.isReady(text)) resolve();
    };
    createInterface(child.stdout).on('line', (text) => {
      look(text);
      line(text);
    });
    createInterface(child.stderr).on('line', look);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${command} ended with ${String(code)}`)));
  });
  if (options.input !== undefined) child.stdin.write(options.input);
  await ready;
  return () => void child.kill();
}
