export declare const ROOMS: Readonly<Record<string, readonly string[]>>;
export declare const PURE_ROOMS: readonly string[];
export declare const PURE_PACKAGES: readonly string[];
export declare const BROWSER_ROOMS: readonly string[];
export declare function roomOf(file: string): string | undefined;
export declare function mayImport(file: string, target: string): boolean;
