import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A working tree of git, for hooks that ask it what has changed. */
export class WorkingTree {
  constructor(readonly root: string) {
    this.git('init', '-q', '-b', 'main');
    this.write('.gitignore', '.muse\n');
  }

  git(...args: string[]): void {
    execFileSync('git', args, { cwd: this.root, stdio: 'pipe' });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Commits everything. */
  commit(): void {
    this.git('add', '.');
    this.git('-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-qm', 'begin');
  }
}
