import type { RequestHead } from '../../server/network/transport.js';

/** A plain request from this machine, as a transport hands it on. */
export const requestHead = (path: string): RequestHead => ({
  method: 'GET',
  path,
  query: '',
  headers: [['host', 'localhost:1']],
  remoteAddress: '127.0.0.1',
});
