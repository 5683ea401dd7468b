/** The mechanism by which a watcher notices changes. */
export type Mechanism = 'inotify' | 'kqueue' | 'FSEvents' | 'ReadDirectoryChangesW' | 'event ports' | 'polling';
