/**
 * `critical`: nobody goes on, or work is lost, unless somebody acts. `warning`: that will happen if nothing changes. `info`: worth knowing,
 * nothing has to be done.
 */
export type Severity = 'critical' | 'warning' | 'info';
