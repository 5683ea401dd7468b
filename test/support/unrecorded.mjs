/** Loaded by tap's processes before tap's own recorder of what they load, which it leaves out: run-suite.mjs says why. */
import Module from 'node:module';

const RECORDER = '/@tapjs/processinfo/';
const { register } = Module;
Module.register = (specifier, ...rest) => {
  if (!String(specifier).includes(RECORDER)) register(specifier, ...rest);
};
if (typeof Module.registerHooks === 'function') {
  // Newer Nodes: the recorder gives its function instead of a module's address.
  const { registerHooks } = Module;
  Module.registerHooks = (hooks) =>
    new Error('where').stack?.includes(RECORDER) ? { deregister() {} } : registerHooks(hooks);
}
// The recorder's own switch: it neither watches `require`, nor adds itself to the programs that a test starts, nor writes at the end.
process.env.__TAPJS_PROCESSINFO_TESTING_NO_REGISTER__ = String(process.pid);
