import {
  filterCost,
  type ErrorCode,
  type Refusal,
  type SubscribeOptions,
  type SubscriptionId,
} from '../../protocol/index.js';
import type { Limits } from '../config/options.js';
import type { Subscriber } from '../delivery/subscriber.js';

export const refusal = (code: ErrorCode, message: string, sub: SubscriptionId | null = null): Refusal => ({
  type: 'refused',
  sub,
  code,
  message,
});

/** @returns why a connection may not have one more subscription; `undefined` if it may. */
export function subscriptionRefusal(
  subscriber: Subscriber,
  id: SubscriptionId,
  { filter }: SubscribeOptions,
  limits: Pick<Limits, 'maxSubscriptions' | 'maxConnectionFilterCost'>,
): Refusal | undefined {
  if (subscriber.get(id)) {
    return refusal('duplicate-subscription', `subscription ${String(id)} is in use on this connection`, id);
  }
  if (subscriber.count >= limits.maxSubscriptions) {
    const most = `at most ${String(limits.maxSubscriptions)} subscriptions (max_subscriptions) on a connection`;
    return refusal('limit', most, id);
  }
  const cost = filterCost(filter);
  if (cost > 0 && subscriber.filterCost + cost > limits.maxConnectionFilterCost) {
    const most = `at most ${String(limits.maxConnectionFilterCost)} steps (max_connection_filter_cost)`;
    const text = `the globs of this filter take ${String(cost)} steps, beside those of the connection's other filters; ${most}`;
    return refusal('limit', text, id);
  }
  return undefined;
}
