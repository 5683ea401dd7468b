/** Why a message of a stream was not passed on. */
export type Rejection =
  /** It is not in the format of this relay. */
  | 'unreadable'
  /** The origin has not signed it for its place in the stream: another has written it, or sent it again. */
  | 'unsigned'
  /** Its revision was passed on before. */
  | 'repeated'
  /** Its revision does not follow the last one. */
  | 'gap';

export type Rejections = Readonly<Record<Rejection, number>>;

export const NO_REJECTIONS: Rejections = { unreadable: 0, unsigned: 0, repeated: 0, gap: 0 };

/** Counts messages that were not passed on. */
export class RejectionCounts {
  readonly counts: Record<Rejection, number> = { ...NO_REJECTIONS };

  add(why: Rejection): void {
    this.counts[why]++;
  }
}
