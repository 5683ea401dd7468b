export type { CompiledQuery, QueryOptions } from './compile-query.js';
export { compileQuery, markedQuery } from './compile-query.js';
export type { Query, QueryField, QuerySubject, QueryTerm } from './query.js';
export { QUERY_FIELD_NAMES, QUERY_FIELDS } from './query.js';
export type { QueryError, Word } from './words.js';
export { splitWords } from './words.js';
