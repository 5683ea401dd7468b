/**
 * Which room may import which. A room is a folder, or a file with its own entry. A file belongs to the most specific room that contains
 * it. It may import from its own room, from the rooms and files in the list of its room, and from packages. Paths of files have no
 * extension.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const ROOMS = {
  protocol: [],
  'protocol/wire': ['protocol/filter', 'protocol/inspection', 'protocol/records', 'protocol/swarm', ...basics()],
  'protocol/records': ['protocol/swarm', ...basics()],
  'protocol/filter': ['protocol/records', 'protocol/swarm', 'protocol/wire', ...basics()],
  'protocol/query': ['protocol/records', 'protocol/swarm', 'protocol/wire', ...basics()],
  'protocol/inspection': ['protocol/filter', 'protocol/records', 'protocol/wire', ...basics()],
  'protocol/swarm': ['protocol/records', ...basics()],

  // The files beside the rooms join them.
  server: ['protocol/index'],
  'server/runtime': ['protocol/index'],
  // Clients import it too, so it must not import the rest of the server.
  'server/repository': ['protocol/index'],
  'server/store': ['protocol/index'],
  'server/metrics': ['protocol/index', 'server/store'],
  // It may use the turns of the runtime, but not the clock.
  'server/delivery': ['protocol/index', 'server/store', 'server/runtime/supervisor', 'server/runtime/turn-loop'],
  'server/config': ['protocol/index', 'server/runtime', 'server/store'],
  'server/sessions': ['protocol/index', 'server/config', 'server/delivery', 'server/runtime'],
  'server/journal': ['protocol/index', 'server/repository', 'server/runtime', 'server/store'],
  'server/watch': ['protocol/index', 'server/config', 'server/repository', 'server/runtime', 'server/store'],
  'server/relay': [
    'protocol/index',
    'server/config',
    'server/delivery',
    'server/metrics',
    'server/repository',
    'server/runtime',
    'server/store',
  ],
  'server/inspection': [
    'protocol/index',
    'server/delivery',
    'server/journal',
    'server/metrics',
    'server/runtime',
    'server/sessions',
    'server/store',
    'server/watch',
  ],
  'server/network': [
    'protocol/index',
    'server/config',
    'server/delivery',
    'server/inspection',
    'server/metrics',
    'server/repository',
    'server/runtime',
    'server/sessions',
    'server/store',
  ],

  client: ['protocol/index', 'server/index', 'server/repository/index'],
  'client/sdk': ['protocol/index', 'server/repository/index'],
  // The bus for tests runs a server in the same process.
  'client/sdk/testing': ['client/sdk', 'protocol/index', 'server/index'],
  'client/sdk/in-process-channel': ['client/sdk', 'protocol/index', 'server/index'],
  'client/cli': ['client/sdk', 'protocol/index', 'server/index', 'server/repository/index'],
  // The inspector runs in a browser.
  'client/inspector': ['client/sdk', 'protocol/index'],
  // In Python: nothing of it is imported, and it imports nothing.
  'client/python': [],
  // Builds the client's own package, from the built modules of `client/sdk/` and `protocol/`.
  'client/package': ['client/cli/bundle'],

  // These rooms are not shipped, and may import everything.
  bench: ['protocol', 'server', 'client', 'test/support'],
  test: ['protocol', 'server', 'client', 'bench', '.eslint'],
  '.eslint': [],
  // They import published packages, as their reader does.
  examples: [],
};

/** The files beside the rooms of `protocol/` that each of these rooms may import. */
function basics() {
  return ['protocol/brand', 'protocol/closest-match', 'protocol/json-object', 'protocol/utf8', 'protocol/visible-text'];
}

/** Rooms without files, sockets, timers or clocks: they receive the time as an argument, and other rooms send or write their results. */
export const PURE_ROOMS = ['protocol/swarm', 'server/store', 'server/delivery'];

/** The packages that a pure room may use. */
export const PURE_PACKAGES = ['tinyqueue', 'node:crypto'];

/** Folders that also run in browsers: they import nothing of Node. */
export const BROWSER_ROOMS = ['protocol', 'client/inspector'];

/** @param {string} path */
const withoutExtension = (path) => path.replace(/\.(?:[cm]?js|tsx?)$/, '');

/** @param {string} path @param {string} room */
const isIn = (path, room) => path === room || path.startsWith(`${room}/`);

/**
 * The most specific room that contains a file; `undefined` where there is none.
 * @param {string} file a path from the root of the project
 */
export function roomOf(file) {
  const path = withoutExtension(file);
  const rooms = Object.keys(ROOMS).filter((room) => isIn(path, room));
  return rooms.sort((a, b) => b.length - a.length)[0];
}

/**
 * Whether a file may import another.
 * @param {string} file both are paths from the root of the project
 * @param {string} target
 */
export function mayImport(file, target) {
  const room = roomOf(file);
  if (room === undefined) return true;
  return [room, ...ROOMS[room]].some((allowed) => isIn(withoutExtension(target), allowed));
}
