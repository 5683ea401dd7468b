declare module 'fs-native-extensions' {
  /** An exclusive lock on an open file, held until it is closed. @returns `false` where another descriptor holds it. */
  export function tryLock(file: number): boolean;
}
