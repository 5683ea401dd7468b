import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from './command.js';

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** The options by which a strict program that uses a package is checked, with the types of the package, but not the compiler's own again. */
const STRICT = {
  target: 'ES2022',
  lib: ['ES2022', 'DOM'],
  module: 'NodeNext',
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
  types: [],
};

/**
 * Writes programs into a folder in which their packages can be resolved, and compiles them beside their sources.
 * @returns the errors of the compiler, or an empty text
 */
export async function compileStrictly(
  folder: string,
  programs: Readonly<Record<string, string>>,
  options: object = {},
): Promise<string> {
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(folder, file), text);
  const compilerOptions = { ...STRICT, ...options };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(programs) }));
  const compiling = new Command(process.execPath, [TSC, '-p', folder]);
  await compiling.exit;
  return compiling.lines.join('\n');
}
