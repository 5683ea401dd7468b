import { formatClock, formatMoment, formatSecond, formatZone, type Zone } from '../model/format.js';
import { isUtc, nowMs } from './state.js';

const zone = (): Zone => (isUtc.value ? 'utc' : 'local');

/** The time of day with milliseconds, in the zone that the user has chosen. */
export const clock = (ms: number): string => formatClock(ms, zone());

export const second = (ms: number): string => formatSecond(ms, zone());

/** The time of day, with the day if it is another one. */
export const moment = (ms: number): string => formatMoment(ms, nowMs.value, zone());

/** The zone of the times that are shown. */
export const zoneName = (): string => formatZone(nowMs.value, zone());
