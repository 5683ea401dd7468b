/** Where a repository is, whose it is, and what is private in it. */
export { RepositoryIdentity, type IdentityRecord, type IdentityState } from './identity.js';
