/** A file that a tool will change or has changed. */
export interface Edit {
  /** The path from the tool's input: absolute, or relative to the working directory. */
  readonly path: string;
  /** The replaced texts, in which the hook looks for symbols. `all`: the whole file is replaced, or the texts are not known. */
  readonly replaces: 'all' | readonly string[];
}
