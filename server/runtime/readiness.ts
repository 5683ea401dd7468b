/** Whether a bus may be given clients; if not, why. The reason names no address, process or path, because nobody needs a token to read it. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

export const READY: Readiness = { ready: true };

export const unready = (why: string): Readiness => ({ ready: false, why });
