/** A histogram in plain numbers: observing is a short walk and three additions. */
export class PlainHistogram {
  /** One for each bound, and one for what is beyond the last. */
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
