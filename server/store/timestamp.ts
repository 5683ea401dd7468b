export { parseTimestamp } from '../../protocol/index.js';
