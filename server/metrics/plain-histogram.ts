/** A histogram in plain numbers. To observe a value takes a short search and three additions. */
export class PlainHistogram {
  /** A count for each bound, and one for values beyond the last. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** @param bounds upper bounds, included, ascending. */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how often the value is counted. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let slot = 0;
    while (slot < bounds.length && value > bounds[slot]!) slot++;
    counts[slot]! += times;
    this.sum += value * times;
    this.count += times;
  }
}
