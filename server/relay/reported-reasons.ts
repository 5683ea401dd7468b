const MAX_REASONS = 16;

/** The reasons that were logged of one outage: each once, and at most {@link MAX_REASONS}, because others choose what they say. */
export class ReportedReasons {
  readonly #reasons = new Set<string>();

  /** @returns whether a reason is to be logged: it is another than those before, and they are not too many. */
  add(reason: string): boolean {
    if (this.#reasons.has(reason) || this.#reasons.size >= MAX_REASONS) return false;
    this.#reasons.add(reason);
    return true;
  }

  /** Called when the outage is over. */
  clear(): void {
    this.#reasons.clear();
  }
}
