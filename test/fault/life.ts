/** The names under which the simulator imports the types of a client's history. */
export { TYPE, type ClientFilter as LifeFilter, type ClientHistory as Life, type Operation } from './client-history.js';
