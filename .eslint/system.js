/**
 * The ways from a program to the system that it runs on, and the few files that take each of them. Every other file of the server and of
 * the SDK receives a port (`Clock`, `Files`, `JournalStorage`, `Broker`, `Dial`, `RandomBytes`, …), so that the simulator can be the system.
 * An entry is a file without its extension, or a folder.
 * @type {Readonly<Record<string, { packages?: readonly string[], names?: readonly string[], calls?: readonly string[], users: readonly string[] }>>}
 */
export const SYSTEM = {
  time: {
    calls: [
      // Microtasks take no time, and run in the same order in every life.
      ...['setTimeout', 'setInterval', 'setImmediate'],
      ...['Date.now', 'new Date', 'performance.now', 'process.hrtime', 'process.uptime'],
    ],
    packages: ['node:timers', 'node:timers/promises', 'node:perf_hooks'],
    users: [
      'server/runtime/clock',
      'client/sdk/clock',
      'client/sdk/manual-clock',
      // The engines bound their sockets and their own stopping. The simulated network takes their place.
      'server/network',
      // The table on the disk. The simulated table takes its place.
      'server/journal/lmdb-table',
      // Measures how late the real loop is.
      'server/metrics/loop-delay',
      // When the process began, and how old abandoned state is: no event depends on either.
      'server/inspection/bus-metrics',
      'server/repository/state-directory',
    ],
  },
  files: {
    packages: ['node:fs', 'node:fs/promises', 'fs-extra', 'fs-native-extensions'],
    users: [
      'server/watch/files',
      'server/watch/native-watcher',
      'server/watch/record-reader',
      'server/watch/checked-directory',
      'server/watch/self-test',
      // Everything private, once at the start; and what an operator names: certificates, credentials, an edge's endpoint, the pages.
      'server/repository',
      'server/config/option-file',
      'server/relay/edge-files',
      'server/relay/nats-credentials',
      'server/network/uws/native-engine',
      'server/network/http/inspector-pages',
      'server/bus-server',
    ],
  },
  network: {
    packages: ['node:net', 'node:http', 'node:https', 'node:tls', 'node:dgram', 'node:dns', 'ws', 'uWebSockets.js'],
    users: ['server/network', 'client/sdk/node-channel', 'client/sdk/server-proof', 'server/config/tls-files'],
  },
  broker: {
    packages: ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/nats-core'],
    users: ['server/relay/nats', 'server/relay/nats-broker', 'server/relay/nats-credentials'],
  },
  processes: {
    packages: ['node:child_process', 'node:worker_threads', 'node:cluster'],
    users: ['server/journal/integrity-check', 'server/repository'],
  },
  randomness: {
    calls: ['Math.random'],
    packages: [],
    names: ['randomBytes', 'randomUUID', 'randomInt', 'getRandomValues', 'randomFillSync'],
    users: ['server/runtime/random', 'server/repository'],
  },
};

/** The folders that the table is about. */
export const PORTED = ['server', 'client/sdk'];
