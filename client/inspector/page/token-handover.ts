import { keepToken, TOKEN_KEY, type BusAddress } from './address-bar.js';

/**
 * A link that is opened in a new tab has no token, because each tab keeps its own. Such a tab asks the other tabs of this origin, which are
 * the pages of the same bus. Nothing leaves the browser, and nothing is kept once the last tab is closed.
 */
type Message = { readonly type: 'who-has-it' } | { readonly type: 'token'; readonly token: string };

const ANSWER_WITHIN_MS = 250;

let channel: BroadcastChannel | undefined;

/** Returns the channel to the other tabs; `undefined` where the browser refuses one. */
function openChannel(): BroadcastChannel | undefined {
  try {
    return (channel ??= new BroadcastChannel(TOKEN_KEY));
  } catch {
    return undefined;
  }
}

/** Answers the tabs that ask, with the token that this tab has now. */
export function answerOtherTabs(current: () => string): void {
  openChannel()?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
    const token = current();
    if (data.type === 'who-has-it' && token !== '') channel!.postMessage({ type: 'token', token } satisfies Message);
  });
}

/**
 * Asks the other tabs for the token, if this one has none.
 * @param current the address of this tab now: a person may enter one before another tab answers.
 * @returns the address to connect to; `undefined` if one has been entered meanwhile.
 */
export function askOtherTabs(current: () => BusAddress): Promise<BusAddress | undefined> {
  const address = current();
  if (address.token !== '') return Promise.resolve(address);
  const others = openChannel();
  if (!others) return Promise.resolve(address);
  return new Promise((resolve) => {
    const answered = ({ data }: MessageEvent<Message>): void => {
      if (data.type === 'token') end(data.token);
    };
    const end = (token: string): void => {
      clearTimeout(timer);
      others.removeEventListener('message', answered);
      const isEntered = current().token !== '';
      if (token !== '' && !isEntered) keepToken(token);
      resolve(isEntered ? undefined : { ...address, token });
    };
    const timer = setTimeout(() => {
      end('');
    }, ANSWER_WITHIN_MS);
    others.addEventListener('message', answered);
    others.postMessage({ type: 'who-has-it' } satisfies Message);
  });
}
