import { runProgram } from '../program.js';
import { wireFormatOf, type CountedSource } from './wire-formats.js';
import { RawSocket } from './raw-socket.js';

export interface ChurnPlan {
  readonly source: CountedSource;
  readonly connections: number;
  /** The longest time that a connection stays, milliseconds. */
  readonly stayMs: number;
}

/** Opens and closes connections. Each checks, while it is open, that no event of its group is missing. */
await runProgram(({ source, connections, stayMs }: ChurnPlan) => {
  let [events, arrivals, isOver] = [0, 0, false];
  const open = new Set<RawSocket>();
  const come = (): void => {
    if (isOver) return;
    arrivals++;
    const socket = new RawSocket(new URL(source.url), wireFormatOf(source, arrivals), () => undefined);
    open.add(socket);
    setTimeout(() => leave(socket), (0.1 + 0.9 * Math.random()) * stayMs);
  };
  const leave = (socket: RawSocket): void => {
    if (socket.isClosed) throw new Error('the server has closed a connection');
    events += socket.reader.events;
    socket.close();
    open.delete(socket);
    come();
  };
  for (let i = 0; i < connections; i++) setTimeout(come, (i / connections) * stayMs);
  const status = (): ChurnStatus => ({
    events: events + [...open].reduce((sum, { reader }) => sum + reader.events, 0),
    arrivals,
    open: open.size,
  });
  return { ready: true, calls: { status }, stop: () => (isOver = true) };
});

export interface ChurnStatus {
  readonly events: number;
  readonly arrivals: number;
  readonly open: number;
}
