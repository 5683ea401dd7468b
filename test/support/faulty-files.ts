import { readlinkSync } from 'node:fs';
import { systemFiles, type Files } from '../../server/watch/files.js';

type Call = 'open' | 'list' | 'read' | 'look';

/** The system's files. A test can make any call fail with an error code, such as `EMFILE`. */
export class FaultyFiles implements Files {
  readonly #faults = new Set<{ readonly call: Call; readonly path: RegExp; readonly code: string }>();
  /** How many calls have failed on request. */
  failures = 0;

  /** Makes calls of one sort fail with `code` for all paths that match. @returns a function that ends this */
  fail(call: Call, path: RegExp, code: string): () => void {
    const fault = { call, path, code };
    this.#faults.add(fault);
    return () => this.#faults.delete(fault);
  }

  open(path: string, flags: number): number {
    this.#check('open', path);
    return systemFiles.open(path, flags);
  }

  list(path: string, readAhead: number) {
    this.#check('list', path);
    return systemFiles.list(path, readAhead);
  }

  probe(path: string): void {
    this.#check('list', path);
    systemFiles.probe(path);
  }

  look(path: string) {
    this.#check('look', path);
    return systemFiles.look(path);
  }

  read(file: number, buffer: Buffer, offset: number, length: number, position: number): number {
    this.#check('read', `/proc/self/fd/${String(file)}`);
    return systemFiles.read(file, buffer, offset, length, position);
  }

  readonly close = systemFiles.close;
  readonly status = systemFiles.status;
  readonly follow = systemFiles.follow;
  readonly nameOf = systemFiles.nameOf;
  readonly make = systemFiles.make;

  #check(call: Call, path: string): void {
    if (this.#faults.size === 0) return;
    const real = path.replace(/^\/proc\/self\/fd\/\d+/, (descriptor) => readlinkSync(descriptor));
    for (const fault of this.#faults) {
      if (fault.call !== call || !fault.path.test(real)) continue;
      this.failures++;
      throw Object.assign(new Error(`${fault.code}: made to fail`), { code: fault.code });
    }
  }
}
