import { execFileSync } from 'node:child_process';

const ip = (...args: string[]): void => {
  execFileSync('ip', args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
};

/** Why there are no namespaces to test with; `false` where there are. */
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

/** A network of its own that is reached over cables, each of which can be cut without a word to either end. */
export class NetworkNamespace {
  readonly #number = (process.pid % 60) * 4 + (made++ % 4);
  readonly #name = `muse-${String(process.pid)}-${String(made)}`;
  #cables = 0;

  constructor() {
    ip('netns', 'add', this.#name);
    this.#inside('link', 'set', 'lo', 'up');
  }

  /** What a program is run under to live there. */
  get under(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** One more cable. @returns the address at which the namespace is reached over it, and how to cut and mend it. */
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

  /** Its cables go with it. */
  dispose(): void {
    ip('netns', 'delete', this.#name);
  }

  #inside(...args: string[]): void {
    ip('-netns', this.#name, ...args);
  }
}
