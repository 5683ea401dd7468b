/** The views, in the order of their tabs. */
export const VIEW_NAMES = ['pulse', 'agents', 'symbols', 'lanes', 'stream', 'bus'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

/** The key of each view, after `g`. */
export const VIEW_KEYS: Readonly<Record<ViewName, string>> = {
  pulse: 'p',
  agents: 'a',
  symbols: 's',
  lanes: 'l',
  stream: 't',
  bus: 'b',
};

export const VIEW_TITLES: Readonly<Record<ViewName, string>> = {
  pulse: 'Pulse',
  agents: 'Agents',
  symbols: 'Symbols',
  lanes: 'Lanes',
  stream: 'Stream',
  bus: 'Bus',
};
