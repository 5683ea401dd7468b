import { render } from 'preact';
import { App } from './app.js';
import { startAddressBar, takeAddress } from './address-bar.js';
import { openFile } from './actions.js';
import { answerOtherTabs, askOtherTabs } from './token-handover.js';
import { startKeys } from './keys.js';
import { watchPresses } from './press.js';
import { paint } from './state.js';
import { send, startWorkerClient } from './worker-client.js';

takeAddress();
startAddressBar();
startWorkerClient();
void askOtherTabs(takeAddress).then((found) => {
  if (found) send({ type: 'connect', ...found });
  // A token that the bus has refused helps no other tab.
  answerOtherTabs(() => (paint.value?.connection.state === 'refused' ? '' : takeAddress().token));
});
startKeys();
watchPresses();

addEventListener('dragover', (event) => {
  event.preventDefault();
});
addEventListener('drop', (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file) openFile(file);
});
// A new address pasted over the old one contains a new token.
addEventListener('hashchange', ({ newURL }) => {
  // By now the page may have taken the token out of the address bar.
  const { hash } = new URL(newURL);
  if (/[#&]token=/.test(hash)) send({ type: 'connect', ...takeAddress(hash) });
});

render(<App />, document.querySelector('#app')!);
