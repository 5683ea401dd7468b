/**
 * The one model of the swarm: addresses and which addresses they cover, leases, holders, conflicts, intents, agents, tasks, waits. Pure:
 * its input is records and a moment, its output values. What it cannot know is a value too. It must never read a clock, a file or a socket.
 * test/protocol/swarm/ tests it against a plain reference.
 */
export type { Address, AddressContext, AddressKind, AddressProblem, ParsedAddress } from './address.js';
export { MAX_ADDRESS_CHARACTERS, normalBranch, parseAddress, parseQuery } from './address.js';
export type { IndexEntry } from './address-index.js';
export { AddressIndex } from './address-index.js';
export type { Agent, AgentState } from './agents.js';
export type { ConflictForm } from './conflict-form.js';
export { conflictForm } from './conflict-form.js';
export type { Conflict, Party } from './conflicts.js';
export type { FieldProblem } from './fields.js';
export { addressTexts, branchText, runText } from './fields.js';
export type { Intent, IntentFacts, IntentState } from './intents.js';
export { describeIntent } from './intents.js';
export { leaseNameOf } from './lease-facts.js';
export type { LeaseForm } from './lease-form.js';
export { isoDate, leaseForm } from './lease-form.js';
export type { Lease, LeaseState, LeaseTerm } from './leases.js';
export { endOf, isHeld } from './leases.js';
export type { Moment } from './moment.js';
export { HISTORY_AFTER_MS, isHistory } from './moment.js';
export { covers, overlap } from './overlap.js';
export type { RunSituation, WaitForm } from './run-situation.js';
export { runSituation } from './run-situation.js';
export type { BranchOption, Holding, RecordProblem } from './swarm.js';
export { Swarm } from './swarm.js';
export type { SwarmRecord } from './swarm-record.js';
export type { Task, TaskStatus } from './tasks.js';
export type { Wait } from './waits.js';
