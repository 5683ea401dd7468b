import type { Rule } from '../judge/judge.js';
import type { Patch } from './planting.js';

/** One defence of the product, undone. */
export interface PlantedFault extends Patch {
  readonly name: string;
  /** The rules of the judge of which one is violated. */
  readonly rules: readonly Rule[];
}

/** Faults in what watches the files and ends leases. */
const WATCHING: readonly PlantedFault[] = [
  {
    name: 'a half-written file is a broken one at once',
    file: 'server/watch/ingest.ts',
    find: 'const isPatient = !isKnown && clock.elapsed() - since < settleMs;',
    replace: 'const isPatient = false;',
    rules: ['false problem'],
  },
  {
    name: 'no time to settle',
    file: 'server/watch/repository-watch.ts',
    find: 'settleMs: options.settleMs,',
    replace: 'settleMs: 0,',
    rules: ['false problem'],
  },
  {
    name: 'a deadline does not ask whether everything can be seen',
    file: 'server/watch/lease-deadlines.ts',
    find: '} else if (LEASE_KINDS.every(knowsAll)) {',
    replace: '} else if (LEASE_KINDS.length > 0) {',
    rules: ['false end', 'false free'],
  },
  {
    name: 'a deadline forgets that hints may be lost',
    file: 'server/watch/lease-deadlines.ts',
    find: 'if (this.#doubtsHints) {',
    replace: 'if (this.#isStopped) {',
    rules: ['false end', 'false free'],
  },
  {
    name: 'a wall clock that jumps is believed',
    file: 'server/watch/lease-time.ts',
    find: 'if (aheadMs <= JUMP_BOUND_MS) return',
    replace: 'if (aheadMs <= Infinity) return',
    rules: ['false end'],
  },
  {
    name: 'leases end before what is hinted at is read',
    file: 'server/watch/ingest.ts',
    find: '    if (!this.#isBusy) {\n      if (this.#isBurst)',
    replace: '    {\n      if (this.#isBurst)',
    rules: ['false end', 'false free'],
  },
  {
    name: 'leases end one second early',
    file: 'protocol/records/lease-book.ts',
    find: 'next !== undefined && next.at <= now;',
    replace: 'next !== undefined && next.at <= now + 1_000;',
    rules: ['false end'],
  },
  {
    name: 'a deadline that was moved still ends its lease',
    file: 'protocol/records/lease-book.ts',
    find: '      // A deadline that has been moved, either way: its lease has another entry.\n      if (!this.#isDue(next)) continue;',
    replace: '',
    rules: ['false end', 'unforeseen'],
  },
  {
    name: 'a heartbeat extends nothing',
    file: 'protocol/swarm/leases.ts',
    find: 'const extends_ = expiresAt !== undefined && (furthest?.extendedUntil ?? -Infinity) > expiresAt;',
    replace: 'const extends_ = false as boolean;',
    rules: ['false end', 'false free'],
  },
  {
    name: 'a release is ignored',
    file: 'protocol/swarm/leases.ts',
    find: 'if (release.name !== undefined) addTo(this.#releasesByName, release.name, release);',
    replace: '',
    rules: ['false held'],
  },
  {
    name: 'a link is followed',
    file: 'server/watch/record-reader.ts',
    find: 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK',
    replace: 'constants.O_RDONLY | constants.O_NONBLOCK',
    rules: ['wire', 'view'],
  },
  {
    name: 'a file that cannot be read is gone',
    file: 'server/watch/record-reader.ts',
    find: "if (problem === undefined) return { is: 'unavailable', kind, id, error };",
    replace: 'if (problem === undefined) return absent(kind, id);',
    rules: ['wire', 'view', 'false free', 'false end'],
  },
  {
    name: 'a file that was read stays open',
    file: 'server/watch/record-reader.ts',
    find: '      files.close(file);',
    replace: '',
    rules: ['bound'],
  },
  {
    name: 'a directory that was replaced stays open',
    file: 'server/watch/checked-directories.ts',
    find: '    this.close();\n    this.#open = { identity, reach: `${DESCRIPTORS}',
    replace: '    this.#open = { identity, reach: `${DESCRIPTORS}',
    rules: ['bound'],
  },
  {
    name: 'a directory that was replaced is not watched again',
    file: 'server/watch/native-watcher.ts',
    find: 'if (place.identity === watched.identity && (watched.handle !== undefined || place.reach === undefined)) continue;',
    replace: 'if (watched.handle !== undefined || place.reach === undefined) continue;',
    rules: ['bound', 'false end', 'false free', 'stuck'],
  },
  {
    name: 'what cannot be listed is called healthy',
    file: 'server/watch/reconciler.ts',
    find: '    this.#unseen.set(kind, why);\n',
    replace: '',
    rules: ['false health'],
  },
  {
    name: 'the state of the files is always watching',
    file: 'server/watch/repository-watch.ts',
    find: 'if (whys.length === 0) return',
    replace: 'if (whys.length >= 0) return',
    rules: ['false health'],
  },
  {
    name: 'directories are never compared',
    file: 'server/watch/reconciler.ts',
    find: '      await this.everything();\n',
    replace: '',
    rules: ['view', 'false end'],
  },
  {
    name: 'the barrier compares nothing',
    file: 'server/watch/repository-watch.ts',
    find: '    await Promise.all(KINDS.map((kind) => this.#reconciler.rescan(kind)));\n    await this.#ingest.drain();',
    replace: '    await this.#ingest.drain();',
    rules: ['false free'],
  },
  {
    name: 'the barrier does not wait for what is read',
    file: 'server/watch/ingest.ts',
    find: "while (this.#isBusy && this.#phase === 'running') {",
    replace: "while (this.#isBusy && this.#phase !== 'running') {",
    rules: ['false free'],
  },
  {
    name: 'a file that was changed is taken for the same',
    file: 'server/store/record-store.ts',
    find: 'return !sameSignature(before.signature, signature) || JSON.stringify(data) !== before.json;',
    replace: 'return before.signature?.inode !== signature.inode;',
    rules: ['view', 'wire', 'false free', 'false end'],
  },
];

/** Faults in who is told what, and from where on. */
const DELIVERING: readonly PlantedFault[] = [
  {
    name: 'the index of a group counts frames',
    file: 'server/delivery/fan-out.ts',
    find: '      group.index += chunk.length;',
    replace: '      group.index += 1;',
    rules: ['wire', 'unforeseen', 'stuck'],
  },
  {
    name: 'a frame that was refused counts as sent',
    file: 'server/delivery/fan-out.ts',
    find: "const isTaken = port.offer(frame) !== 'dropped';",
    replace: 'const isTaken = port.offer(frame) !== undefined;',
    rules: ['wire', 'view', 'stuck'],
  },
  {
    name: 'a congested client is past what it was not sent',
    file: 'server/delivery/fan-out.ts',
    find: '        if (!port.isOpen()) {\n          member.fallBehind(sentUntil, index);',
    replace: '        if (!port.isOpen()) {\n          member.fallBehind(revision(revisions.at(-1)!), next);',
    rules: ['wire', 'view', 'stuck'],
  },
  {
    name: 'a drained socket is not heard',
    file: 'server/sessions/session.ts',
    find: '      this.port.drained();',
    replace: '',
    rules: ['stuck'],
  },
  {
    name: 'a port that opens serves nobody',
    file: 'server/sessions/session.ts',
    find: '    this.services.catchUp.add(this.subscriber);',
    replace: '',
    rules: ['stuck'],
  },
  {
    name: 'a queue without bound',
    file: 'server/delivery/port.ts',
    find: 'if (queuedBytes + bytes <= this.maxQueuedBytes) return true;',
    replace: 'if (queuedBytes + bytes <= Infinity) return true;',
    rules: ['bound'],
  },
  {
    name: 'a heartbeat overtakes what is still to be sent',
    file: 'server/sessions/session.ts',
    find: "if (this.port.state !== 'open' || this.subscriber.isBehind) return;",
    replace: "if (this.port.state === 'closed') return;",
    rules: ['wire', 'view'],
  },
  {
    name: 'a replay begins one event late',
    file: 'server/delivery/initial-delivery.ts',
    find: "{ at: 'replay', after: since.revision,",
    replace: "{ at: 'replay', after: Math.min(since.revision + 1, hub.revision) as typeof since.revision,",
    rules: ['wire', 'view'],
  },
  {
    name: 'a replay begins one event early',
    file: 'server/delivery/initial-delivery.ts',
    find: "{ at: 'replay', after: since.revision,",
    replace: "{ at: 'replay', after: Math.max(since.revision - 1, hub.history.base) as typeof since.revision,",
    rules: ['wire'],
  },
  {
    name: 'a cursor of another epoch is believed',
    file: 'server/delivery/hub.ts',
    find: "if (cursor.epoch !== this.epoch) return 'epoch';",
    replace: '',
    rules: ['wire', 'view'],
  },
  {
    name: 'history is one event longer than it is',
    file: 'server/delivery/catch-up.ts',
    find: "if (state.after < this.hub.history.base) this.#resync(subscription, 'lagged');",
    replace: "if (state.after < this.hub.history.base - 1) this.#resync(subscription, 'lagged');",
    rules: ['unforeseen'],
  },
  {
    name: 'the ring of history is one too small',
    file: 'server/store/history.ts',
    find: 'if (this.size === this.#limits.maxHistoryEvents) this.#dropOldest();',
    replace: 'if (this.size > this.#limits.maxHistoryEvents) this.#dropOldest();',
    rules: ['wire', 'unforeseen'],
  },
  {
    name: 'a snapshot joins its group one event late',
    file: 'server/delivery/initial-delivery.ts',
    find: '  const joinAt = group.index;',
    replace: '  const joinAt = group.index + 1;',
    rules: ['wire', 'unforeseen', 'stuck'],
  },
  {
    name: 'a snapshot of a later moment than it says',
    file: 'server/delivery/initial-delivery.ts',
    find: "return { at: 'snapshot', versions, next: 0, cut: revision, joinAt };",
    replace: "return { at: 'snapshot', versions, next: 0, cut: Math.max(0, revision - 1) as typeof revision, joinAt };",
    rules: ['wire', 'unforeseen'],
  },
  {
    name: 'a snapshot shows what the filter does not',
    file: 'server/delivery/catch-up.ts',
    find: 'return group.matcher.matches(version.matchable) ? encodeEvent(fields, group.encoding) : undefined;',
    replace: 'return encodeEvent(fields, group.encoding);',
    rules: ['wire'],
  },
  {
    name: 'a record that leaves the filter leaves in silence',
    file: 'server/store/store-event.ts',
    find: "if (was) return !is ? 'left' :",
    replace: 'if (was) return !is ? undefined :',
    rules: ['wire'],
  },
  {
    name: 'a record that enters the filter counts as modified',
    file: 'server/store/store-event.ts',
    find: "return is ? 'entered' : undefined;",
    replace: "return is ? 'plain' : undefined;",
    rules: ['wire'],
  },
  {
    name: 'the index of filters knows only what a record is now',
    file: 'server/delivery/fan-out.ts',
    find: 'return after ? [before.matchable, after.matchable] : [before.matchable];',
    replace: 'return after ? [after.matchable] : [before.matchable];',
    rules: ['wire'],
  },
  {
    name: 'who leaves a group takes another one along',
    file: 'server/delivery/group.ts',
    find: '    this.members[member.slot] = last;',
    replace: '',
    rules: ['wire', 'stuck', 'view', 'unforeseen'],
  },
  {
    name: 'a group that nobody holds is kept',
    file: 'server/delivery/fan-out.ts',
    find: '    if (--group.holders > 0) return;',
    replace: '    if (--group.holders > -1) return;',
    rules: ['bound'],
  },
  {
    name: 'a session outlives its connection',
    file: 'server/sessions/session.ts',
    find: '    this.services.closed(this);',
    replace: '',
    rules: ['bound'],
  },
];

/** Faults in what is kept for the next run. */
const KEEPING: readonly PlantedFault[] = [
  {
    name: 'the mark is not advanced before anybody is told',
    file: 'server/journal/high-water-mark.ts',
    find: 'if (last > this.#last) this.set(revision(last + AHEAD));',
    replace: '',
    rules: ['wire', 'view', 'unforeseen', 'crash'],
  },
  {
    name: 'the mark is set back while events wait for the disk',
    file: 'server/journal/journal.ts',
    find: 'if (this.#phase === phase && this.#pending.length === 0) this.#mark.set(phase.writer.newest);',
    replace: 'if (this.#phase === phase) this.#mark.set(phase.writer.newest);',
    rules: ['wire', 'view'],
  },
  {
    name: 'a journal that ends before the mark goes on',
    file: 'server/journal/recovery.ts',
    find: '  const lost = sent - newest;',
    replace: '  const lost = 0 * (sent - newest);',
    rules: ['wire', 'view'],
  },
  {
    name: 'the mark is believed after a power cut',
    file: 'server/journal/recovery.ts',
    find: 'if (sent === undefined || header.boot === null || header.boot !== boot) {',
    replace: 'if (sent === undefined) {',
    rules: ['wire', 'view'],
  },
  {
    name: 'a removal is not written to the journal',
    file: 'server/journal/journal-writer.ts',
    find: '  if (after === undefined) return { key: indexKey(record.kind, record.id), value: undefined };',
    replace: '  if (after === undefined) return standingChange({ version: record, lapsedAt: revision(0) });',
    rules: ['wire', 'view', 'crash', 'stuck'],
  },
  {
    name: 'a restored store gives the last revision again',
    file: 'server/store/record-store.ts',
    find: "    for (const id of [...this.ids('reservation')]) this.#showLease(id);\n    this.#revision = last;",
    replace:
      "    for (const id of [...this.ids('reservation')]) this.#showLease(id);\n    this.#revision = (last - 1) as Revision;",
    rules: ['wire', 'stuck', 'crash', 'unforeseen'],
  },
  {
    name: 'what happened while the server was away is not in its history',
    file: 'server/bus.ts',
    find: '    for (const event of since) history.append(event);\n',
    replace: '',
    rules: ['wire', 'unforeseen', 'stuck', 'crash'],
  },
];

/** Faults in those who are connected. */
const LISTENING: readonly PlantedFault[] = [
  {
    name: 'a question about an address needs no barrier',
    file: 'client/sdk/bus-client.ts',
    find: '      await this.sync(undefined, { signal: end });\n',
    replace: '',
    rules: ['false free'],
  },
  {
    name: 'a client believes its own clock that a lease has ended',
    file: 'client/sdk/mirror.ts',
    find: 'if (await this.#isConfirmedFree(address, about, signals)) return;',
    replace: 'if (!(await Promise.resolve(false))) return;',
    rules: ['false free'],
  },
  {
    name: 'a connection that broke is not made again',
    file: 'client/sdk/connection.ts',
    find: '    this.#cancelTimer = clock.after(delayMs, () => {\n      this.#dial();\n    });',
    replace: '    this.#cancelTimer = clock.after(delayMs, () => undefined);',
    rules: ['stuck', 'bound'],
  },
  {
    name: 'a mirror stays live without a connection',
    file: 'client/sdk/mirror.ts',
    find: "if (status.state === 'live') this.#lost = undefined;",
    replace: "if (status.state !== 'closed') this.#lost = undefined;",
    rules: ['false health'],
  },
  {
    name: 'a question that was on its way is not asked again',
    file: 'client/sdk/connection.ts',
    find: '    for (const message of this.#pending.unanswered) this.#send(message);\n',
    replace: '',
    rules: ['stuck'],
  },
  {
    name: 'a view keeps what a resync has taken away',
    file: 'client/sdk/record-view.ts',
    find: "        case 'resync':\n          this.#building = new Map();",
    replace: "        case 'resync':\n          this.#building ??= undefined;",
    rules: ['view'],
  },
  {
    name: 'a subscription does not tell that it began anew',
    file: 'client/sdk/subscription.ts',
    find: "    this.#queue.push({ type: 'resync', reason }, undefined);\n",
    replace: '',
    rules: ['view'],
  },
  {
    name: 'a subscription resumes one event later than it heard',
    file: 'client/sdk/subscription.ts',
    find: '      ...(this.#received === undefined ? {} : { since: this.#received }),',
    replace:
      '      ...(this.#received === undefined ? {} : { since: this.#received.replace(/\\d+$/, (at) => String(Number(at) + 1)) }),',
    rules: ['view', 'stuck'],
  },
];

/** Faults that are planted to see whether the judge finds them: each undoes one defence. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [...WATCHING, ...DELIVERING, ...KEEPING, ...LISTENING];
