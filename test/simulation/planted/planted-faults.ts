import type { Rule } from '../judge/judge.js';
import type { WorldTrait } from '../world/traits.js';
import type { Patch } from './planting.js';

/** A defence of the product, undone. */
export interface PlantedFault extends Patch {
  readonly name: string;
  /** The rules of the judge of which one is violated. */
  readonly rules: readonly Rule[];
  /** Further defences that prevent the same, and would hide that this one is gone. */
  readonly also?: readonly Patch[];
  /** What a world must have, or it does nothing there: it is looked for only in lives that have all of it. */
  readonly needs?: readonly WorldTrait[];
  /** The kept life that shows it, where hardly another one does: it needs several faults that meet within milliseconds. */
  readonly keptLife?: string;
}

/** Faults in how records are read. */
const READING: readonly PlantedFault[] = [
  {
    name: 'a file that is not read holds nothing',
    file: 'protocol/records/problem.ts',
    find: "['unsafe-key', 'too-deep', 'too-large', 'link', 'unreadable', 'unprocessable']",
    replace: "['unreadable']",
    rules: ['false free', 'false end'],
    needs: ['unread files', 'questions'],
  },
  {
    name: 'a barrier does not wait for a file that is not read',
    file: 'server/watch/unsettled-files.ts',
    find: 'if (isAnnounced || !isUnknown(problem) || first > elapsed) continue;',
    replace: "if (isAnnounced || problem !== 'unreadable' || first > elapsed) continue;",
    rules: ['false free'],
    needs: ['unread files', 'questions'],
  },
  {
    name: 'an absolute path is about nothing in the repository',
    file: 'protocol/swarm/fields.ts',
    find: 'this.isCut ||= isPlaceUnknown;',
    replace: '',
    rules: ['false free'],
    needs: ['loose writers', 'questions'],
  },
  {
    name: 'a list of addresses in a text is one address',
    file: 'protocol/swarm/address.ts',
    find: 'return parts.every((part) => LOOKS_LIKE_ADDRESS.test(part)) ? parts : [];',
    replace: 'return [];',
    rules: ['false free'],
    needs: ['loose writers', 'questions'],
  },
  {
    name: 'a question about a line asks about a file of that name',
    file: 'protocol/swarm/address.ts',
    find: 'return place === trimmed ? [] : [place];',
    replace: 'return [];',
    rules: ['false free'],
    needs: ['loose questions'],
  },
  {
    name: 'a file with NaN is no record',
    file: 'server/watch/record-parser.ts',
    find: "if (!text.includes('NaN') && !text.includes('Infinity')) throw error;",
    replace: 'throw error;',
    rules: ['false free', 'false end', 'false problem', 'view', 'wire'],
    needs: ['loose writers'],
  },
  {
    name: 'a time without separators is none',
    file: 'protocol/records/timestamp.ts',
    find: '(-?)(?:(',
    replace: '(-)(?:(',
    rules: ['false free', 'false end', 'view'],
    needs: ['loose writers'],
  },
  {
    name: 'a key of a record is taken for a method',
    file: 'protocol/wire/codec.ts',
    find: 'useToJSON: false',
    replace: 'useToJSON: true',
    rules: ['false held', 'unforeseen', 'crash', 'view', 'wire', 'stuck'],
    needs: ['loose writers'],
  },
];

/** Faults in what watches the files and ends leases. */
const WATCHING: readonly PlantedFault[] = [
  {
    name: 'a half-written file is a broken one at once',
    file: 'server/watch/unsettled-files.ts',
    find: 'const isPatient = !isKnown && this.clock.elapsed() - since < this.settleMs;',
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
    name: 'a deadline forgets that hints may be lost',
    file: 'server/watch/lease-deadlines.ts',
    find: 'if (this.#mayHaveMissedHints) {',
    replace: 'if (this.#isStopped) {',
    rules: ['false end', 'false free'],
    needs: ['lost hints'],
  },
  {
    name: 'a wall clock that jumps is believed',
    file: 'server/watch/lease-time.ts',
    find: 'if (aheadMs <= JUMP_BOUND_MS) return',
    replace: 'if (aheadMs <= Infinity) return',
    rules: ['false end'],
    needs: ['clock step'],
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
    find: "return basis === 'timed' && effectiveExpiry === at && !mayBeProlonged;",
    replace: "return basis === 'timed' && !mayBeProlonged;",
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
    find: '          addTo(this.#releasesByName, release.name, release);\n',
    replace: '',
    rules: ['false held'],
  },
  {
    name: 'a link is followed',
    file: 'server/watch/record-reader.ts',
    find: 'file = openUnfollowed(path, OPEN_FLAGS, files);',
    replace: 'file = files.open(path, OPEN_FLAGS);',
    rules: ['wire', 'view'],
    needs: ['planted link'],
  },
  {
    name: 'directories are made through a link',
    file: 'server/watch/coordination-dir.ts',
    find: 'return files.look(path);',
    replace: 'return files.follow(path);',
    rules: ['outside'],
    needs: ['linked directory'],
  },
  {
    name: 'a file that cannot be read is gone',
    file: 'server/watch/record-reader.ts',
    find: "if (problem === undefined) return { is: 'unavailable', kind, id, error };",
    replace: 'if (problem === undefined) return absent(kind, id);',
    rules: ['wire', 'view', 'false free', 'false end'],
    needs: ['no descriptors'],
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
    file: 'server/watch/checked-directory.ts',
    find: '    this.close();\n    this.#open = { as, identity: identityOf(as), reach: `${DESCRIPTORS}',
    replace: '    this.#open = { as, identity: identityOf(as), reach: `${DESCRIPTORS}',
    rules: ['bound'],
    needs: ['removed directory'],
  },
  {
    name: 'a directory that was replaced is not watched again',
    file: 'server/watch/native-watcher.ts',
    find: 'if (place.identity === watched.identity && (watched.handle !== undefined || place.reach === undefined)) continue;',
    replace: 'if (watched.handle !== undefined || place.reach === undefined) continue;',
    rules: ['bound', 'false end', 'false free', 'stuck'],
    needs: ['removed directory'],
  },
  {
    name: 'what cannot be listed is called healthy',
    file: 'server/watch/reconciler.ts',
    find: '    this.#unseen.set(kind, why);\n',
    replace: '',
    rules: ['false health'],
    needs: ['unlistable directory'],
  },
  {
    name: 'the state of the files is always watching',
    file: 'server/watch/sight.ts',
    find: 'if (whys.length === 0) return',
    replace: 'if (whys.length >= 0) return',
    rules: ['false health'],
    needs: ['closed directory'],
  },
  {
    name: 'directories are never compared',
    file: 'server/watch/reconciler.ts',
    find: '      await this.everything();\n',
    replace: '',
    rules: ['view', 'false end'],
    needs: ['lost hints'],
  },
  {
    name: 'the barrier compares nothing',
    file: 'server/watch/disk-barrier.ts',
    find: '      await Promise.all(untold.map((kind) => reconciler.rescan(kind)));\n',
    replace: '',
    rules: ['false free'],
    needs: ['late hints', 'questions'],
  },
  {
    name: 'the barrier believes hints that may be late',
    file: 'server/watch/disk-barrier.ts',
    find: '!isTold(kind) || !known.has(kind) || !this.#hasAllHints(kind)',
    replace: '(!isTold(kind) && !known.has(kind)) || !known.has(kind)',
    rules: ['false free'],
    needs: ['late hints', 'questions'],
  },
  {
    name: 'the barrier does not wait for a file that cannot be read for the moment',
    file: 'server/watch/disk-barrier.ts',
    find: 'if (!ingest.isUnread(from, only)) return;',
    replace: 'if (ingest.isUnread(from, only) || from >= 0) return;',
    rules: ['false free'],
    keptLife: 'unread-at-a-barrier',
  },
  {
    name: 'a file that was changed is taken for the same',
    file: 'server/store/record-store.ts',
    find: 'return isTouched || JSON.stringify(data) !== before.json;',
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
    find: ": port.offer(frame) !== 'dropped';",
    replace: ': port.offer(frame) !== undefined;',
    rules: ['wire', 'view', 'stuck'],
    needs: ['stalled client'],
  },
  {
    name: 'a congested client is past what it was not sent',
    file: 'server/delivery/fan-out.ts',
    find: '        if (!port.isOpen()) {\n          member.fallBehind(sentUntil, index);',
    replace: '        if (!port.isOpen()) {\n          member.fallBehind(revision(revisions.at(-1)!), next);',
    rules: ['wire', 'view', 'stuck'],
    needs: ['stalled client'],
  },
  {
    name: 'a drained socket is not heard',
    file: 'server/sessions/session.ts',
    find: '      this.port.drained();',
    replace: '',
    rules: ['stuck'],
    needs: ['stalled client'],
  },
  {
    name: 'a port that opens serves nobody',
    file: 'server/sessions/session.ts',
    find: '    this.services.catchUp.add(this.subscriber);',
    replace: '',
    rules: ['stuck', 'view', 'bound'],
    needs: ['stalled client'],
  },
  {
    name: 'a queue without bound',
    file: 'server/delivery/port.ts',
    find: 'if (queuedBytes + bytes <= this.maxQueuedBytes) return true;',
    replace: 'if (queuedBytes + bytes <= Infinity) return true;',
    rules: ['bound'],
    needs: ['stalled client', 'small buffers', 'small queue'],
  },
  {
    name: 'a heartbeat overtakes what is still to be sent',
    file: 'server/sessions/session.ts',
    find: "if (this.port.state !== 'open' || this.subscriber.isBehind) return;",
    replace: "if (this.port.state === 'closed') return;",
    rules: ['wire', 'view'],
    needs: ['stalled client', 'small buffers'],
  },
  {
    name: 'a replay begins one event late',
    file: 'server/delivery/initial-delivery.ts',
    find: "{ at: 'replay', after: since.revision,",
    replace: "{ at: 'replay', after: Math.min(since.revision + 1, hub.revision) as typeof since.revision,",
    rules: ['wire', 'view'],
    needs: ['reset connections'],
  },
  {
    name: 'a replay begins one event early',
    file: 'server/delivery/initial-delivery.ts',
    find: "{ at: 'replay', after: since.revision,",
    replace: "{ at: 'replay', after: Math.max(since.revision - 1, hub.history.base) as typeof since.revision,",
    rules: ['wire'],
    needs: ['reset connections'],
  },
  {
    name: 'a cursor of another epoch is believed',
    file: 'server/delivery/hub.ts',
    find: "if (cursor.epoch !== this.epoch) return 'epoch';",
    replace: '',
    rules: ['wire', 'view'],
    needs: ['kill'],
  },
  {
    name: 'a client that history does not reach is not told so',
    file: 'server/delivery/catch-up.ts',
    find: "if (state.after < this.hub.history.base) this.#resync(subscription, 'lagged');",
    replace: "if (state.after < 0) this.#resync(subscription, 'lagged');",
    rules: ['unforeseen', 'wire', 'crash', 'stuck', 'bound'],
    needs: ['stalled client', 'short history', 'small buffers'],
  },
  {
    name: 'the ring of history is one too small',
    file: 'server/store/history.ts',
    find: 'if (this.size === this.#limits.maxHistoryEvents) this.#dropOldest();',
    replace: 'if (this.size > this.#limits.maxHistoryEvents) this.#dropOldest();',
    rules: ['wire', 'unforeseen', 'crash'],
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
    needs: ['reset connections'],
  },
  {
    name: 'a session outlives its connection',
    file: 'server/sessions/session.ts',
    find: '    this.services.closed(this);',
    replace: '',
    rules: ['bound'],
    needs: ['reset connections'],
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
    needs: ['kill', 'slow disk'],
  },
  {
    name: 'revisions that may have been sent are given again',
    file: 'server/journal/recovery.ts',
    find: '  const start = revision(sent + 1);',
    replace: '  const start = newest;',
    rules: ['wire', 'view', 'unforeseen', 'crash', 'stuck'],
    needs: ['kill', 'slow disk'],
  },
  {
    name: 'a journal that ends before the mark goes on',
    file: 'server/journal/recovery.ts',
    find: '  const lost = sent - newest;',
    replace: '  const lost = 0 * (sent - newest);',
    rules: ['wire', 'view'],
    needs: ['kill'],
  },
  {
    name: 'the mark is believed after a power cut',
    file: 'server/journal/recovery.ts',
    find: 'if (sent === undefined || header.boot === null || header.boot !== boot) {',
    replace: 'if (sent === undefined) {',
    rules: ['wire', 'view'],
    needs: ['power cut'],
  },
  {
    name: 'a removal is not written to the journal',
    file: 'server/journal/journal-writer.ts',
    find: 'return standing ? standingChange(standing) : { key: indexKey(kind, id), value: undefined };',
    replace: 'return standingChange(standing ?? { version: event.record, lapsedAt: revision(0) });',
    rules: ['wire', 'view', 'crash', 'stuck'],
    needs: ['restart'],
  },
  {
    name: 'a restored store gives the last revision again',
    file: 'server/store/record-store.ts',
    find: "    for (const id of [...this.ids('reservation')]) this.showLease(id);\n    this.last = last;",
    replace:
      "    for (const id of [...this.ids('reservation')]) this.showLease(id);\n    this.last = (last - 1) as Revision;",
    rules: ['wire', 'stuck', 'crash', 'unforeseen'],
    needs: ['restart'],
  },
  {
    name: 'what happened while the server was away is not in its history',
    file: 'server/bus.ts',
    find: 'const past = [...(recovered?.events ?? []), ...since];',
    replace: 'const past = [...(recovered?.events ?? [])];',
    // A subscription that is told of what is not there is served for ever.
    rules: ['wire', 'unforeseen', 'stuck', 'crash', 'bound'],
    needs: ['restart'],
  },
];

/** Faults in those who are connected. */
const LISTENING: readonly PlantedFault[] = [
  {
    name: 'a question about an address needs no barrier',
    file: 'client/sdk/barrier-mirror.ts',
    find: '    await bus.sync(record, { signal });\n',
    replace: '',
    rules: ['false free'],
    needs: ['late hints'],
  },
  {
    name: 'a question takes the barrier of one connection for the records of another',
    file: 'client/sdk/barrier-mirror.ts',
    find: 'if (bus.server === server) return answer(mirror);',
    replace: 'return answer(mirror);',
    // Either of the two prevents what the other one does.
    also: [
      {
        file: 'server/sessions/session.ts',
        find: '    if (heartbeat.corrects(believes)) this.heartbeat(heartbeat);\n',
        replace: '',
      },
    ],
    rules: ['false free'],
    keptLife: 'answered-by-two-servers',
  },
  {
    name: 'a barrier is answered by what was told of the files before',
    file: 'server/sessions/heartbeat.ts',
    find: 'belief.state !== state',
    replace: 'belief.state === undefined',
    rules: ['false free'],
    needs: ['no descriptors'],
  },
  {
    name: 'a client believes its own clock that a lease has ended',
    file: 'client/sdk/address-waits.ts',
    find: 'if (await this.#isConfirmedFree(address, about, signals)) return;',
    replace: 'if (!(await Promise.resolve(false))) return;',
    rules: ['false free'],
    needs: ['cut network'],
  },
  {
    name: 'a connection that broke is not made again',
    file: 'client/sdk/connection-state.ts',
    find: "if (state.at === 'waiting') return dialling(state);",
    replace: "if (state.at === 'waiting') return state;",
    rules: ['stuck', 'bound'],
    needs: ['reset connections'],
  },
  {
    name: 'a mirror stays live without a connection',
    file: 'client/sdk/mirror-state.ts',
    find: "if (status.state === 'live') return { is: 'bus-back' };",
    replace: "if (status.state !== 'closed') return { is: 'bus-back' };",
    rules: ['false health'],
    needs: ['kill'],
  },
  {
    name: 'a question that was on its way is not asked again',
    file: 'client/sdk/pending-requests.ts',
    find: '    for (const [nonce, { message }] of [...this.#open]) this.#sendTo(nonce, message);\n',
    replace: '',
    rules: ['stuck'],
    needs: ['reset connections'],
  },
  {
    name: 'a view keeps what a resync has taken away',
    file: 'client/sdk/record-view.ts',
    find: "        case 'resync':\n          this.#building = new Map();",
    replace: "        case 'resync':\n          this.#building ??= undefined;",
    rules: ['view'],
    needs: ['kill'],
  },
  {
    name: 'a subscription does not tell that it began anew',
    file: 'client/sdk/subscription-progress.ts',
    find: "    this.queue.push({ type: 'resync', reason }, undefined);\n",
    replace: '',
    rules: ['view'],
    needs: ['kill'],
  },
  {
    name: 'a subscription resumes one event later than it heard',
    file: 'client/sdk/subscription-progress.ts',
    find: '      ...(this.#received === undefined ? {} : { since: this.#received }),',
    replace:
      '      ...(this.#received === undefined ? {} : { since: this.#received.replace(/\\d+$/, (at) => String(Number(at) + 1)) }),',
    rules: ['view', 'stuck'],
    needs: ['reset connections'],
  },
];

/** Faults in the stream between the origin and its edges. */
const RELAYING: readonly PlantedFault[] = [
  {
    name: 'an edge takes what follows a hole',
    file: 'server/relay/stream-place.ts',
    find: "if (isOn && after === place.revision) return { is: 'next', message };",
    replace: "if (isOn) return { is: 'next', message };",
    rules: ['wire', 'view', 'stuck', 'unforeseen', 'crash', 'false free'],
    needs: ['deleted while cut off'],
  },
  {
    name: 'an edge begins with a stream out of which messages were deleted',
    file: 'server/relay/cold-start.ts',
    find: '(await broker.countDeleted(names.stream, from)) === 0',
    replace: '(await broker.countDeleted(names.stream, from)) >= 0',
    rules: ['wire', 'view', 'stuck', 'false free'],
    keptLife: 'deleted-while-read',
  },
  {
    name: 'a stream goes on where its origin has lost what followed',
    file: 'server/relay/outbox.ts',
    find: "    if (history.isLost(position.revision)) return 'what followed what was published last is lost';\n",
    replace: '',
    rules: ['wire', 'view', 'stuck', 'unforeseen', 'crash'],
    needs: ['killed on a slow disk', 'journal', 'restarted out of reach'],
  },
  {
    name: 'an edge that hears nothing says that its origin is present',
    file: 'server/relay/origin-liveness.ts',
    find: 'return last !== undefined && this.clock.elapsed() - this.#lastAt <= MISSED * last.alive_ms + GRACE_MS;',
    replace: 'return last !== undefined;',
    rules: ['false health'],
    needs: ['edge link cut'],
  },
  {
    name: 'an edge measures leases by its own wall clock',
    file: 'server/relay/origin-liveness.ts',
    find: 'return this.#offset === undefined ? this.clock.now() :',
    replace: 'return this.#offset !== undefined ? this.clock.now() :',
    rules: ['false free', 'false held', 'false end', 'wire', 'crash'],
    needs: ['edge clock step'],
  },
  {
    name: "an edge takes no time from its origin's answers",
    file: 'server/relay/origin-liveness.ts',
    find: 'if (this.#offset !== undefined && this.#offset >= least && this.#offset <= most) return true;',
    replace: 'if (this.#offset !== undefined) return true;',
    rules: ['false free'],
    needs: ['edge link cut', 'clock step'],
  },
  {
    name: 'an edge that waits does not try again by itself',
    file: 'server/relay/edge-stream-state.ts',
    find: "      if (state.at === 'waiting') return { at: 'opening', failures };\n",
    replace: '',
    rules: ['stuck', 'view', 'false health'],
    needs: ['stream deleted'],
  },
  {
    name: 'an edge begins with what was before its base',
    file: 'server/relay/cold-start.ts',
    find: 'if (at < from || last?.epoch !== epoch) continue;',
    replace: 'if (at < 0 || last === undefined) continue;',
    rules: ['wire', 'view', 'stuck', 'false held', 'unforeseen'],
    needs: ['power cut', 'edge killed'],
  },
  {
    name: 'what the stream gives back is not in the history',
    file: 'server/journal/recovery.ts',
    find: 'events: [...contents.events, ...found.events],',
    replace: 'events: [...contents.events],',
    rules: ['wire', 'view', 'stuck', 'unforeseen', 'crash', 'bound', 'false end'],
    needs: ['killed on a slow disk', 'journal'],
  },
  {
    name: 'the stream gives back one event too few',
    file: 'server/relay/recall-tail.ts',
    find: 'events: past.events.filter((event) => event.revision > after)',
    replace: 'events: past.events.filter((event) => event.revision > after + 1)',
    rules: ['wire', 'view', 'stuck', 'unforeseen', 'crash', 'bound', 'false end'],
    needs: ['killed on a slow disk', 'journal'],
  },
];

/** Faults that are planted to see whether the judge finds them: each undoes one defence. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  // What needs no relay is looked for in lives without one, which take a fifth less.
  ...needing([...READING, ...WATCHING, ...DELIVERING, ...LISTENING], ['no relay']),
  ...needing(KEEPING, ['no relay', 'journal']),
  ...RELAYING,
];

function needing(faults: readonly PlantedFault[], traits: readonly WorldTrait[]): readonly PlantedFault[] {
  return faults.map((fault) => ({ ...fault, needs: [...(fault.needs ?? []), ...traits] }));
}
