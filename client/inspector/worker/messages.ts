import type { Completion } from '../model/completion.js';
import type { Lacks } from '../model/lacks.js';
import type { Verdict } from '../../../protocol/index.js';
import type { ExplainParams, Explanation } from '../model/overview.js';
import type { Since } from '../model/place.js';
import type { Target } from '../model/target.js';
import type { ViewName } from '../model/view-name.js';
import type { Paint } from './paint.js';
import type { Found } from './search.js';

/** The column that agents are sorted by. */
export type AgentSort = 'attention' | 'run' | 'branch' | 'leases' | 'ends' | 'beat';
export type AgentGrouping = 'none' | 'branch' | 'presence';

/** The state of the view: everything that a paint depends on besides the events. */
export interface ViewState {
  readonly view: ViewName;
  readonly query: string;
  readonly target: Target | undefined;
  /** The moment that all views show; `undefined`: the present. */
  readonly atMs: number | undefined;
  readonly since: Since;
  readonly showHeartbeats: boolean;
  /** The range of rows to send: those on the screen and some on either side. `to` is the row after the last one. */
  readonly rows: { readonly from: number; readonly to: number };
  /** The stream shows its last rows, as many as `rows` has, wherever they are. */
  readonly follow: boolean;
  readonly sort: { readonly by: AgentSort; readonly descending: boolean };
  readonly grouping: AgentGrouping;
  /** Paths of the symbol tree that are closed. */
  readonly closed: readonly string[];
  /** The lanes' window of time: its width, and where it ends (`undefined`: at the position). */
  readonly lanes: { readonly widthMs: number; readonly endMs: number | undefined };
}

export type ToWorker =
  | { readonly type: 'connect'; readonly url: string; readonly token: string }
  | { readonly type: 'view-state'; readonly viewState: ViewState }
  /** The last paint is on the screen, so the next one may be sent. */
  | { readonly type: 'painted'; readonly tookMs: number }
  | { readonly type: 'import'; readonly name: string; readonly file: Blob }
  /** Leaves an imported file and shows the bus again. */
  | { readonly type: 'online' }
  | { readonly type: 'ask'; readonly nonce: number; readonly question: Question };

export type Question =
  | { readonly about: 'completion'; readonly text: string; readonly caret: number }
  | { readonly about: 'raw'; readonly key: string; readonly revision: number }
  | { readonly about: 'export' }
  | { readonly about: 'explain'; readonly params: ExplainParams }
  | { readonly about: 'search'; readonly text: string }
  /** Which clients were told of the last event of a record. */
  | { readonly about: 'told'; readonly key: string };

/** The answer to each question. */
export interface Answers {
  readonly completion: Completion;
  readonly raw: RawFrame;
  readonly export: { readonly file: Blob; readonly events: number; readonly lacks: Lacks };
  readonly explain: Explanation;
  readonly search: Found[];
  readonly told: ClientAnswer[];
}

/** Whether an event was delivered to a subscription of a client, and why. */
export interface ClientAnswer {
  readonly client: string;
  readonly sub: number;
  readonly verdict: Verdict;
  readonly why: string;
}

/** The bytes of an event. */
export interface RawFrame {
  /** `frame`: the frame as it was received. `event`: the frame is no longer kept, so the event alone is encoded again. */
  readonly what: 'frame' | 'event';
  readonly bytes: Uint8Array;
  readonly decoded: unknown;
}

export type FromWorker =
  | { readonly type: 'paint'; readonly paint: Paint }
  | { readonly type: 'answer'; readonly nonce: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly nonce: number; readonly message: string };
