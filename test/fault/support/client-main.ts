import { Observer } from './observer.js';

/** A listener in a process of its own, which tells on its output what it is told. */
const [, , url = '', token = ''] = process.argv;
const observer = new Observer('stopped', { address: () => ({ url, token }) });
let told = 0;

setInterval(() => {
  const entries = observer.entries.slice(told);
  told = observer.entries.length;
  process.stdout.write(`${JSON.stringify({ entries, cursor: observer.cursor, isLive: observer.isLive })}\n`);
}, 20);
observer.start();
