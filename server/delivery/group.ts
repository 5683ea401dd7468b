import { compileFilter, type Encoding, type Filter, type GroupId, type Matcher } from '../../protocol/index.js';

/** The properties of a member that its group uses. */
export interface GroupMember {
  /** Its index in the group's `members` while it is live. */
  slot: number;
  /** The group's index at which its cap is reached; Infinity if it has no cap. */
  readonly endIndex: number;
}

/** Subscriptions that share one filter and one encoding, and so each frame. It has at most one subscription of a connection. */
export class Group<Member extends GroupMember = GroupMember> {
  readonly matcher: Matcher;
  /** The live subscriptions, in no order. Those that are not live only hold the group. */
  members: Member[] = [];
  /** The number of subscriptions that hold the group, live or not. */
  holders = 1;
  /** The index of the next matching event. Live and lagging subscriptions count by it. */
  index = 0;
  /** The turn's matching events, not sent yet. Made at first use, because most of many thousand groups never have any. */
  pending: { readonly revisions: number[]; readonly events: Uint8Array[] } | undefined;
  /** The number of the last event that was matched against the group, so that each event is matched once. */
  visit = 0;
  /** The lowest `endIndex` of the live members. Before this index no member needs a check of its cap. */
  nextCap = Infinity;

  constructor(
    readonly id: GroupId,
    readonly filter: Filter,
    readonly encoding: Encoding,
  ) {
    this.matcher = compileFilter(filter);
  }

  join(member: Member): void {
    member.slot = this.members.length;
    // The first push to an empty array makes room for seventeen elements, and most groups have one member.
    if (member.slot === 0) this.members = [member];
    else this.members.push(member);
    if (member.endIndex < this.nextCap) this.nextCap = member.endIndex;
  }

  leave(member: Member): void {
    const last = this.members.pop()!;
    if (last === member) return;
    this.members[member.slot] = last;
    last.slot = member.slot;
  }

  findNextCap(): void {
    this.nextCap = Infinity;
    for (const member of this.members) if (member.endIndex < this.nextCap) this.nextCap = member.endIndex;
  }
}
