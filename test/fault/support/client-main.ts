import { Observer } from './observer.js';

/** An observer in its own process, which prints what it receives. */
const [, , url = '', token = ''] = process.argv;
const observer = new Observer('stopped', { address: () => ({ url, token }) });
let printed = 0;

setInterval(() => {
  const entries = observer.entries.slice(printed);
  printed = observer.entries.length;
  process.stdout.write(`${JSON.stringify({ entries, cursor: observer.cursor, isLive: observer.isLive })}\n`);
}, 20);
observer.start();
