export declare const SYSTEM: Readonly<
  Record<
    string,
    {
      readonly packages?: readonly string[];
      readonly names?: readonly string[];
      readonly calls?: readonly string[];
      readonly users: readonly string[];
    }
  >
>;
export declare const PORTED: readonly string[];
