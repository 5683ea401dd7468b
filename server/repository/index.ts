/**
 * Finds a repository, its owner, its private state, and the server that can be trusted. Imports nothing else of the server, so
 * that a client can load it alone.
 */
export { bootId } from './boot.js';
export { hasLockLibrary } from './file-lock.js';
export { CHALLENGE_PATH, challengeProof, isChallengeProof, isNonce, makeNonce } from './challenge.js';
export { endpointText, MAX_ENDPOINT_BYTES, ownEndpoint, parseEndpoint, type Endpoint } from './endpoint.js';
export { isOpenToOthers, isRefusal, keepsModes } from './file-modes.js';
export { findEndpoint, type FoundEndpoint } from './find-endpoint.js';
export { deafFileSystem, fileSystemAt, fileSystemOf, leastReliable, type FileSystem } from './file-system.js';
export { findRepository, findRepositoryOf, followWorktree, type RepositorySearch } from './find-repository.js';
export { RepositoryIdentity, type IdentityRecord, type IdentityState } from './identity.js';
export { LockError } from './lock-error.js';
export { openOwn, openUnfollowed } from './open-unfollowed.js';
export { PrivateDirectory } from './private-directory.js';
export {
  makePrivateFileOnce,
  readPrivateFile,
  replacePrivateFile,
  reservePrivateFile,
  type PrivateReading,
} from './private-file.js';
export { PrivateState, type PrivateStateOptions, type StateCheck } from './private-state.js';
export { readSafeDirectories, safeDirectories, SafeDirectoriesError } from './safe-directories.js';
export { staleTemporaries } from './temporary-files.js';
export { abandonedStates, KEEP_ABANDONED_MS, type AbandonedState } from './state-directory.js';
export {
  otherRepository,
  parseServedRepository,
  type ServedEndpoint,
  type ServedRepository,
} from './served-repository.js';
export { SessionMemory } from './session-memory.js';
export { removePatiently, renamePatiently } from './held-files.js';
export { stateLocation, type StateLocation } from './state-location.js';
export { isToken, makeToken, MAX_TOKEN_FILE_BYTES, renewToken } from './token.js';
export { TrustError, type TrustFault } from './trust-error.js';
export { surroundings, userConfigFile, type Surroundings } from './user-directories.js';
