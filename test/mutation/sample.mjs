/** Whether a mutant is one of those that are run, if only each nth is. Mutants are numbered in the order of the text. */
export const isInSample = (id, every) => Number(id) % every === 0;
