import type { Revision } from '../../protocol/index.js';
import type { StreamInfo } from './broker.js';
import type { BaseMark, EventMessage, RelayMessage, Skip, StandingMessage, Stamp } from './relay-message.js';

/** How far an edge has read a stream. */
export interface StreamPlace {
  readonly epoch: string;
  /** Which stream of the name this is a place in: a recreated one has the same sequences for other messages. */
  readonly created: string | undefined;
  revision: Revision;
  sequence: number;
}

/**
 * What leads from one place to the next: an event, or the mark that revisions are missing before the next one. Or what the origin has there:
 * a record of a base, and the end of it.
 */
export type Following = Stamp & (EventMessage | Skip | StandingMessage | Extract<BaseMark, { readonly phase: 'end' }>);

/** What a message is to an edge at a place. After `gap` and `new-base` the edge must begin again. */
export type Step =
  | { readonly is: 'next'; readonly message: Following }
  /** An event that the edge has. */
  | { readonly is: 'repeated' }
  | { readonly is: 'gap' | 'new-base'; readonly why: string }
  | { readonly is: 'nothing' };

/** Whether a stream still holds the message after a place. */
export const holdsNext = ({ created, firstSequence, lastSequence }: StreamInfo, place: StreamPlace): boolean =>
  created === place.created && lastSequence >= place.sequence && firstSequence <= place.sequence + 1;

/** Judges the next message of the stream: revisions must follow each other without a gap. */
export function nextStep(place: StreamPlace, message: RelayMessage): Step {
  const isOn = message.epoch === place.epoch;
  switch (message.is) {
    case 'event':
    case 'skip': {
      if (isOn && message.position <= place.revision) return { is: 'repeated' };
      const after = message.is === 'event' ? message.position - 1 : message.after;
      if (isOn && after === place.revision) return { is: 'next', message };
      return { is: 'gap', why: `revision ${String(message.position)} follows ${String(place.revision)}` };
    }
    case 'standing':
      return isOn && message.position === place.revision ? { is: 'next', message } : { is: 'nothing' };
    case 'base':
      if (isOn && message.position <= place.revision) {
        return message.phase === 'end' && message.position === place.revision
          ? { is: 'next', message }
          : { is: 'nothing' };
      }
      return {
        is: 'new-base',
        why: message.phase === 'begin' ? `the origin begins again: ${message.why}` : 'the origin has begun again',
      };
    case 'claim':
      return { is: 'nothing' };
  }
}
