/** What failed system calls mean to a person. Their names are for programmers. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not (permission denied)',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EAI_AGAIN: 'its name cannot be looked up now',
  EBUSY: 'another program uses it',
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'the other side broke the connection',
  EDQUOT: 'the quota of this user is used up',
  EEXIST: 'it exists already',
  EFBIG: 'the file would be larger than is allowed here',
  EHOSTUNREACH: 'there is no route to that host',
  EIO: 'the disk or the network drive reports an error',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle',
  EMFILE: 'this process has too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'this machine has too many open files',
  ENETUNREACH: 'there is no route to that network',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is not a directory',
  ENOTFOUND: 'there is no host of that name',
  ENOTEMPTY: 'the directory is not empty',
  ENXIO: 'it is not a regular file',
  EPERM: 'this user may not (operation not permitted)',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'there was no answer in time',
  ETXTBSY: 'it is a program that is running',
};

/** Returns why a system call failed, in words. Other errors, and codes without words, keep their own. */
export function systemErrorWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '', message } = error as Error & { readonly code?: string };
  return WORDS[code] ?? message.replace(/^E[A-Z0-9]+: /, '').replace(/, [a-z]+(?: '.*')?$/s, '');
}
