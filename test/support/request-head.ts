import type { RequestHead } from '../../server/network/transport.js';

/** The head of a plain request from this machine, as an engine passes it on. */
export const requestHead = (path: string): RequestHead => ({
  method: 'GET',
  path,
  query: '',
  headers: [['host', 'localhost:1']],
  remoteAddress: '127.0.0.1',
});
