/** Packages with a native part, optional ones, and those that only `mcp`, a server or a relay needs: copies of them would make the package a fifth larger. */
export const EXTERNAL = [
  '@modelcontextprotocol/*',
  'zod',
  'pino',
  'pino-pretty',
  'prom-client',
  'lmdb',
  'fs-native-extensions',
  'uWebSockets.js',
  '@nats-io/*',
  'bufferutil',
  'utf-8-validate',
];
