import {
  isJSONRPCNotification,
  isSpecType,
  SUBSCRIPTION_ID_META_KEY,
  type JSONRPCMessage,
  type MessageExtraInfo,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import type { ResourceSubscriptions } from './resource-subscriptions.js';

/**
 * A transport that follows the resources which its client listens to with `subscriptions/listen`. The SDK answers such a request itself and
 * tells no server of it, so its acknowledgement is read on the way out: it is sent when the resources are followed, and names only those.
 */
export class ListenTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  /** The resources of each subscription. */
  readonly #listened = new Map<RequestId, readonly string[]>();

  constructor(
    private readonly wire: Transport,
    private readonly resources: ResourceSubscriptions,
  ) {}

  async start(): Promise<void> {
    this.wire.onclose = () => {
      this.resources.close();
      this.onclose?.();
    };
    this.wire.onerror = (error) => this.onerror?.(error);
    this.wire.onmessage = (message, extra) => {
      if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled')
        this.#unfollow((message.params as { readonly requestId?: RequestId } | undefined)?.requestId);
      this.onmessage?.(message, extra);
    };
    await this.wire.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.wire.send(await this.#followed(message));
  }

  close(): Promise<void> {
    return this.wire.close();
  }

  /** Returns an acknowledgement as it is when its resources are followed, and any other message as it is. */
  async #followed(message: JSONRPCMessage): Promise<JSONRPCMessage> {
    if (!isSpecType.SubscriptionsAcknowledgedNotification(message)) return message;
    const { notifications, _meta } = message.params;
    const id = _meta?.[SUBSCRIPTION_ID_META_KEY] as RequestId;
    this.#unfollow(id);
    const asked = notifications.resourceSubscriptions ?? [];
    this.#listened.set(id, asked);
    const resourceSubscriptions = await this.resources.followAll(asked, id);
    // Cancelled meanwhile.
    if (this.#listened.get(id) !== asked) this.#release(id, asked);
    return { ...message, params: { ...message.params, notifications: { ...notifications, resourceSubscriptions } } };
  }

  #unfollow(id: RequestId | undefined): void {
    if (id === undefined) return;
    this.#release(id, this.#listened.get(id) ?? []);
    this.#listened.delete(id);
  }

  #release(id: RequestId, uris: readonly string[]): void {
    for (const uri of uris) this.resources.unfollow(uri, id);
  }
}
