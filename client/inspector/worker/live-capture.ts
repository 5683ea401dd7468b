import { kindFromName } from '../../../protocol/index.js';
import type { BusClient } from '../../sdk/browser.js';
import type { ReadLine } from '../model/ndjson.js';
import { clientName, describeReason, type Overview } from '../model/overview.js';
import type { PastEvents } from '../model/history.js';
import { bridgeOf, withKept } from '../model/kept-events.js';
import { SPAN_MS, type Since } from '../model/place.js';
import { BusConnection } from './bus-connection.js';
import { lastKnownMs, type ConnectionState } from './connection-state.js';
import { Frames } from './frames.js';
import { KeptCapture } from './kept-capture.js';
import type { ClientAnswer, ViewState } from './messages.js';
import { MAX_LISTED, OverviewPoller } from './overview-poller.js';
import type { CaptureState, Paint } from './paint.js';
import { ViewModel } from './view-model.js';

/** The most clients that are asked whether they were told of a record. */
const MAX_ASKED = 24;

/** The connection to a bus, and everything that has been captured of it: from before the connection, and since. */
export class LiveCapture {
  readonly viewModel = new ViewModel();
  readonly frames = new Frames();
  readonly #overviewPoller = new OverviewPoller();
  #connection: BusConnection | undefined;
  #kept: KeptCapture | undefined;
  #state: ConnectionState = { state: 'no-token' };
  #past: CaptureState['past'] = 'none';
  /** Whether the bus has told everything that it knows of the past. */
  #hasToldAll = false;
  /** The longest span that was asked for, and the one that has to be asked for. */
  #asked: Since | undefined;
  #wanted: Since = '15m';

  get client(): BusClient | undefined {
    return this.#connection?.client;
  }

  get overview(): Overview | undefined {
    return this.#overviewPoller.overview;
  }

  open(url: string, token: string, changed: () => void): void {
    this.#state = { state: 'connecting' };
    const kept = new KeptCapture(url, token, () => this.#now(), changed);
    this.#kept = kept;
    this.#connection = new BusConnection(url, token, {
      event: (event: ReadLine, epoch: string) => {
        this.viewModel.timeline.addEvent(event);
        kept.add(event, epoch);
        // While a snapshot loads, only its progress is shown, which is a state of the connection.
        if (this.#state.state === 'live') changed();
      },
      mark: (mark) => {
        this.viewModel.timeline.addMark(mark, this.#now());
        changed();
      },
      state: (state) => {
        this.#state = state;
        // What is stored belongs to the token.
        if (state.state === 'refused') void kept.close({ forget: true });
        changed();
      },
      frame: (frame) => {
        this.frames.push(frame);
      },
      ready: () => {
        this.readPast(this.#wanted, changed);
      },
    });
    void this.#connection.open();
  }

  close(): void {
    this.#connection?.close();
    void this.#kept?.close({ forget: false });
  }

  /** Reads what was before the connection, if that has not been read as far back yet. The live events do not wait for it. */
  readPast(since: Since, changed: () => void): void {
    this.#wanted = since;
    if (this.#asked !== undefined && SPAN_MS[since] <= SPAN_MS[this.#asked]) return;
    if (this.#past === 'reading' || this.#hasToldAll || !this.#connection) return;
    // The shortest spans are read together: a minute more costs little, and a second reading much.
    const span = since === '5m' ? '15m' : since;
    const before = this.#past;
    void this.#pastOf(this.#connection, this.#now() - SPAN_MS[span])
      .then((past) => {
        if (!past) {
          this.#past = before;
          return;
        }
        this.#past = this.viewModel.prepend(past) ? past.beginning : 'bounded';
        this.#asked = span;
      })
      .catch(() => {
        this.#past = 'unavailable';
        this.#asked = span;
      })
      .then(() => {
        changed();
        // Another span may have been chosen meanwhile.
        if (this.#asked !== undefined) this.readPast(this.#wanted, changed);
      });
    this.#past = 'reading';
  }

  /** Returns what the bus still knows of the past and, before that, what this browser has stored. */
  async #pastOf(connection: BusConnection, sinceMs: number): Promise<PastEvents | undefined> {
    const past = await connection.past(sinceMs);
    const epoch = connection.client?.server?.epoch;
    if (!past || epoch === undefined || !this.#kept) return past;
    this.#hasToldAll = past.beginning === 'epoch' || past.beginning === 'compacted';
    const pieces = await this.#kept.read(epoch);
    const bridge = bridgeOf(pieces, past);
    if (bridge) this.#kept.bridge(bridge, epoch);
    return withKept(past, pieces);
  }

  paint(viewState: ViewState, changed: () => void): Paint {
    this.#overviewPoller.refresh(this.client, viewState.view === 'bus', changed);
    return this.viewModel.paint(viewState, {
      nowMs: this.#now(),
      connection: this.#state,
      overview: this.overview,
      bus: this.#overviewPoller.paint(this.client),
      past: this.#past,
      kept: this.#kept?.state,
    });
  }

  /**
   * Asks the bus, for each subscription, whether the last event of a record was delivered to it, and why. The connections are those of now:
   * an earlier list would say of a new client that there is none.
   * @throws if the bus does not answer
   */
  async told(key: string): Promise<ClientAnswer[]> {
    const { client } = this;
    const slash = key.indexOf('/');
    const kind = kindFromName(key.slice(0, slash));
    if (client?.status.state !== 'live') throw new Error('there is no connection to the bus, so nothing is known');
    if (!kind) return [];
    const overview = await client.inspect('overview', { limit: MAX_LISTED });
    const subscriptions = overview.connections
      .filter(({ id }) => id !== overview.you)
      .flatMap((connection) => connection.subscriptions.map(({ sub }) => ({ connection, sub })));
    return Promise.all(
      subscriptions.slice(0, MAX_ASKED).map(async ({ connection, sub }): Promise<ClientAnswer> => {
        const params = { connection: connection.id, sub, kind, id: key.slice(slash + 1) };
        const { verdict, reasons } = await client.inspect('explain', params);
        return { client: clientName(connection), sub, verdict, why: reasons.map(describeReason).join('; ') };
      }),
    );
  }

  /** Time stands still where nothing after it is known. */
  #now(): number {
    return lastKnownMs(this.#state) ?? this.#connection?.now() ?? Date.now();
  }
}
