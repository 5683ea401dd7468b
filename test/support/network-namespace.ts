import { execFileSync } from 'node:child_process';

const ip = (...args: string[]): void => {
  execFileSync('ip', args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
};

/** The reason to skip tests with network namespaces; `false` where this user may create them. */
export const withoutNamespaces: string | false = (() => {
  const name = `muse-try-${String(process.pid)}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'delete', name);
    return false;
  } catch {
    return 'this user may not make network namespaces';
  }
})();

let made = 0;

/** A network namespace, connected by cables. A test can cut a cable without either end being notified. */
export class NetworkNamespace {
  readonly #number = (process.pid % 60) * 4 + (made++ % 4);
  readonly #name = `muse-${String(process.pid)}-${String(made)}`;
  #cables = 0;

  constructor() {
    ip('netns', 'add', this.#name);
    this.#inside('link', 'set', 'lo', 'up');
  }

  /** The command that runs a program in the namespace. */
  get under(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** Adds a cable. @returns the address of the namespace over this cable, and functions that cut and mend it */
  cable(): { readonly address: string; cut(): void; mend(): void } {
    const n = this.#cables++;
    const [here, there] = [`mh${String(process.pid)}${String(n)}`, `mt${String(process.pid)}${String(n)}`];
    const network = `10.251.${String(this.#number)}`;
    const [ours, theirs] = [`${network}.${String(4 * n + 1)}`, `${network}.${String(4 * n + 2)}`];
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', this.#name);
    ip('address', 'add', `${ours}/30`, 'dev', here);
    ip('link', 'set', here, 'up');
    this.#inside('address', 'add', `${theirs}/30`, 'dev', there);
    this.#inside('link', 'set', there, 'up');
    return {
      address: theirs,
      cut: () => {
        this.#inside('link', 'set', there, 'down');
      },
      mend: () => {
        this.#inside('link', 'set', there, 'up');
      },
    };
  }

  /** Deletes the namespace and its cables. */
  dispose(): void {
    ip('netns', 'delete', this.#name);
  }

  #inside(...args: string[]): void {
    ip('-netns', this.#name, ...args);
  }
}
