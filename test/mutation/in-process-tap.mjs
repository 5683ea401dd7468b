/** As much of tap's interface as the tests of the pure rooms use. What tap compares by, compares here too. A test ends at its first failure. */
import { createRequire } from 'node:module';

const { match, same, strict } = createRequire(createRequire(import.meta.url).resolve('tap'))('tcompare');

class Failure extends Error {}

/** A test file's `t`: it only notes the tests, so that they can be run one by one. */
export function rootTest() {
  const registered = [];
  const endings = [];
  return {
    ...assertions(() => {}),
    registered,
    teardown: (end) => endings.push(end),
    test: (name, ...rest) => {
      const { skip } = typeof rest[0] === 'object' ? rest[0] : {};
      if (!skip) registered.push({ name, run: () => run(rest.at(-1)) });
    },
    close: () => ended(endings),
  };
}

/** @returns why the test fails; `undefined` if it does not. */
async function run(body) {
  let failure;
  const endings = [];
  let inner = Promise.resolve();
  const t = {
    ...assertions((why) => (failure ??= why)),
    teardown: (end) => endings.push(end),
    test: (_name, ...rest) =>
      (inner = inner.then(async () => {
        if (typeof rest[0] !== 'object' || !rest[0].skip) failure ??= await run(rest.at(-1));
      })),
  };
  try {
    await body(t);
    await inner;
  } catch (error) {
    failure ??= String(error?.message ?? error) || 'it throws';
  }
  await ended(endings).catch((error) => (failure ??= String(error)));
  return failure;
}

async function ended(endings) {
  for (const end of endings.reverse()) await end();
}

function assertions(failed) {
  const check = (holds, why) => {
    if (holds) return true;
    failed(why);
    throw new Failure(why);
  };
  const compared = (compare, wanted) => (found, pattern, message) => {
    const { match: holds, diff } = compare(found, pattern);
    return check(holds === wanted, `${String(message ?? '')} ${diff}`.slice(0, 300));
  };
  const caught = (error, wanted, message) => {
    if (wanted === undefined || typeof wanted === 'string') return error;
    const holds =
      wanted instanceof RegExp
        ? wanted.test(error?.message ?? String(error))
        : typeof wanted === 'function'
          ? error instanceof wanted
          : match(error, wanted).match;
    check(holds, `${String(message ?? '')} ${String(error)}`);
    return error;
  };
  return {
    ok: (value, message = 'it is not so') => check(value, message),
    notOk: (value, message = 'it is so') => check(!value, message),
    equal: (found, wanted, message) => check(Object.is(found, wanted), `${String(message ?? '')} ${String(found)}`),
    not: (found, wanted, message = 'they are the same') => check(!Object.is(found, wanted), message),
    same: compared(same, true),
    notSame: compared(same, false),
    strictSame: compared(strict, true),
    match: compared(match, true),
    notMatch: compared(match, false),
    type: (value, type) => check(typeof type === 'string' ? typeof value === type : value instanceof type, 'its type'),
    pass: () => true,
    fail: (message = 'it fails') => check(false, message),
    end: () => {},
    comment: () => {},
    throws: (body, wanted, message) => {
      let error;
      try {
        body();
      } catch (thrown) {
        error = { thrown };
      }
      check(error, `${String(message ?? '')} it throws nothing`);
      return caught(error.thrown, wanted, message);
    },
    doesNotThrow: (body) => body(),
    rejects: async (promise, wanted, message) => {
      const error = await (typeof promise === 'function' ? promise() : promise).then(
        () => undefined,
        (thrown) => ({ thrown }),
      );
      check(error, `${String(message ?? '')} it rejects nothing`);
      return caught(error.thrown, wanted, message);
    },
    resolves: async (promise) => (typeof promise === 'function' ? promise() : promise),
  };
}
