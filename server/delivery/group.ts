import { compileFilter, type Encoding, type Filter, type GroupId, type Matcher } from '../../protocol/index.js';

/** What a group must know of each of its members. */
export interface GroupMember {
  /** Its place in the group's list while it is live. */
  slot: number;
  /** The group's index at which its cap is reached. Infinity where there is none. */
  readonly endIndex: number;
}

/** Subscriptions that share one filter and one encoding, and therefore every frame. At most one of a connection. */
export class Group<Member extends GroupMember = GroupMember> {
  readonly matcher: Matcher;
  /** The live ones; the others still hold a reference. In no order. */
  members: Member[] = [];
  /** How many subscriptions hold it, live or not. */
  holders = 1;
  /** Number of the next event that matches: what the group's members count by, live or not. */
  index = 0;
  /** What the turn has brought, not sent yet; most of many thousand groups are never told anything. */
  pending: { readonly revisions: number[]; readonly events: Uint8Array[] } | undefined;
  /** The publication that looked at this group last, so that an event asks it once. */
  visit = 0;
  /** The first index at which a capped member must leave; no member needs a look before it. */
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
    // An array that is pushed to makes room for seventeen; most groups have one member.
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
