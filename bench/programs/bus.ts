import { BusServer, type ServerOptions } from '../../server/index.js';
import { runProgram } from '../program.js';

/** Runs the bus as a server, on a free port. */
await runProgram(async (options: ServerOptions) => {
  const server = new BusServer({ port: 0, ...options });
  const { url, token } = await server.start();
  return { ready: { url, token }, stop: () => server.stop() };
});
