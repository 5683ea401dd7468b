/** A file that a tool is about to change, or has changed. */
export interface Edit {
  /** As the tool has it: absolute, or from the working directory. */
  readonly path: string;
  /** The texts that it replaces, by which the symbols in them are known. `all`: the whole file, or not known. */
  readonly replaces: 'all' | readonly string[];
}
