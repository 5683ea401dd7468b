/**
 * Who may look at whom. A room is a folder, or a file that has rights of its own; a file belongs to the most specific room that contains
 * it. It may import from its own room, from the rooms and files listed for it, and from packages. Paths of files have no extension.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const ROOMS = {
  protocol: [],
  'protocol/wire': ['protocol/filter', 'protocol/inspection', 'protocol/records', 'protocol/swarm', ...basics()],
  'protocol/records': ['protocol/swarm', ...basics()],
  'protocol/filter': ['protocol/records', 'protocol/wire', ...basics()],
  'protocol/inspection': ['protocol/filter', 'protocol/records', 'protocol/wire', ...basics()],
  'protocol/swarm': ['protocol/records', ...basics()],

  // What joins the rooms lies beside them.
  server: ['protocol/index'],
  'server/runtime': ['protocol/index'],
  // A client that loads it loads no server.
  'server/repository': ['protocol/index'],
  'server/store': ['protocol/index'],
  'server/metrics': ['protocol/index', 'server/store'],
  // Of the runtime it may know that there are turns; it may not know the clock.
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
  // The bus for tests is a server in the same process.
  'client/sdk/testing': ['client/sdk', 'protocol/index', 'server/index'],
  'client/sdk/in-process-channel': ['client/sdk', 'protocol/index', 'server/index'],
  'client/cli': ['client/sdk', 'protocol/index', 'server/index', 'server/repository/index'],
  // It runs in a browser.
  'client/inspector': ['client/sdk', 'protocol/index'],
  // In Python: nothing of it is imported, and it imports nothing.
  'client/python': [],

  // What is not shipped may look at everything.
  bench: ['protocol', 'server', 'client', 'test/support'],
  test: ['protocol', 'server', 'client', 'bench', '.eslint'],
  '.eslint': [],
};

/** The files beside the rooms of `protocol/` that each of them may use. */
function basics() {
  return ['protocol/brand', 'protocol/closest-match', 'protocol/utf8', 'protocol/visible-text'];
}

/** Rooms without files, sockets, timers or clocks: they are given the time, and what they return is sent or written elsewhere. */
export const PURE_ROOMS = ['protocol/swarm', 'server/store', 'server/delivery'];

/** The packages that a pure room may use. */
export const PURE_PACKAGES = ['tinyqueue', 'node:crypto'];

/** Folders that run in browsers, too: they import nothing of Node. */
export const BROWSER_ROOMS = ['protocol', 'client/inspector'];

/** @param {string} path */
const withoutExtension = (path) => path.replace(/\.(?:[cm]?js|tsx?)$/, '');

/** @param {string} path @param {string} room */
const isIn = (path, room) => path === room || path.startsWith(`${room}/`);

/**
 * The most specific room that contains a file, where there is one.
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
