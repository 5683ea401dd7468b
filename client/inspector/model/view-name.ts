/** The views, in the order of their tabs. */
export const VIEW_NAMES = ['pulse', 'agents', 'symbols', 'lanes', 'stream', 'bus'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

export const VIEW_TITLES: Readonly<Record<ViewName, string>> = {
  pulse: 'Pulse',
  agents: 'Agents',
  symbols: 'Symbols',
  lanes: 'Lanes',
  stream: 'Stream',
  bus: 'Bus',
};
