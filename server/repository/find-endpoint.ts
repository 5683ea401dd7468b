import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorWords } from '../../protocol/index.js';
import { ENDPOINT_FILE, MAX_ENDPOINT_BYTES, parseEndpoint, type Endpoint } from './endpoint.js';
import { keepsModes } from './file-modes.js';
import { isOwn, isWritableByOthers } from './owner.js';
import { readPrivateFile, type PrivateReading } from './private-file.js';
import { stateOfProcess } from './process-proof.js';
import { otherRepository } from './served-repository.js';
import { readStateFile, stateLocation } from './state-location.js';

/** What is known of a repository's server. `untrusted` says neither that a server runs nor that none does. */
export type FoundEndpoint =
  /** A file of this user names a running process of this user. The server at the url must still prove that it knows the token. */
  | { readonly is: 'living'; readonly endpoint: Endpoint; readonly path: string }
  | { readonly is: 'none'; readonly path: string }
  | {
      readonly is: 'untrusted';
      readonly path: string;
      /** What is said of the file: the rest of a sentence that begins with its path. */
      readonly why: string;
    };

/** Looks for the endpoint file of a repository's server, in the repository and in this user's state. Writes nothing. */
export function findEndpoint(root: string, stateDir?: string, env?: NodeJS.ProcessEnv): FoundEndpoint {
  const path = join(root, '.muse', 'bus', ENDPOINT_FILE);
  let location;
  try {
    location = stateLocation(root, stateDir, env);
  } catch {
    return { is: 'none', path };
  }
  const kept = readStateFile(location, ENDPOINT_FILE, MAX_ENDPOINT_BYTES);
  const inState = endpointIn(root, kept, join(location.path, ENDPOINT_FILE), textOf(kept));
  if (inState.is === 'living') return inState;
  const inRepository = endpointIn(root, readBusFile(root), path, textOf(kept));
  // A file that came with a checkout must not hide what is known of this user's own server.
  return inRepository.is === 'none' ? { ...inState, path: inState.is === 'none' ? path : inState.path } : inRepository;
}

const textOf = (reading: PrivateReading): string | undefined => (reading.is === 'content' ? reading.text : undefined);

function readBusFile(root: string): PrivateReading {
  try {
    for (const directory of [join(root, '.muse'), join(root, '.muse', 'bus')]) {
      const stats = lstatSync(directory, { throwIfNoEntry: false });
      if (stats === undefined) return { is: 'absent' };
      if (!stats.isDirectory()) return { is: 'refused', why: `is behind ${directory}, which is no directory` };
    }
    const bus = lstatSync(join(root, '.muse', 'bus'));
    if (!isOwn(bus)) return { is: 'refused', why: `is in a directory that belongs to user ${String(bus.uid)}` };
    if (isWritableByOthers(bus) && keepsModes(join(root, '.muse', 'bus'), bus.dev))
      return { is: 'refused', why: 'is in a directory that others can write to' };
    return readPrivateFile(join(root, '.muse', 'bus', ENDPOINT_FILE), MAX_ENDPOINT_BYTES);
  } catch (error) {
    return { is: 'refused', why: `cannot be read: ${systemErrorWords(error)}` };
  }
}

/** @param kept the endpoint file in this user's state, for platforms that cannot prove which process has a pid. */
function endpointIn(root: string, reading: PrivateReading, path: string, kept: string | undefined): FoundEndpoint {
  if (reading.is === 'absent') return { is: 'none', path };
  const untrusted = (why: string): FoundEndpoint => ({ is: 'untrusted', path, why: `is not trusted: it ${why}` });
  if (reading.is === 'refused') return untrusted(reading.why);
  const endpoint = parseEndpoint(reading.text);
  if (endpoint === undefined) return untrusted('names no bus');
  const process = `process ${String(endpoint.pid)}`;
  const living = (): FoundEndpoint => {
    // It came with a copy of the checkout.
    const other = otherRepository(endpoint, root);
    return other === undefined ? { is: 'living', endpoint, path } : untrusted(`names the server of ${other}`);
  };
  switch (stateOfProcess(endpoint)) {
    case 'lives':
      return living();
    case 'gone':
      // A server that was killed leaves it.
      return { is: 'untrusted', path, why: `is left over from ${process}, which has ended` };
    case 'another':
      return untrusted(`names ${process}, which is not the one that wrote it`);
    case 'unproven':
      if (kept === reading.text) return living();
      return untrusted(`names ${process}, and this user's own state does not`);
  }
}
