/** The licences of the packages in a bundle, which a copy of them must carry. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Returns one text for all packages.
 * @param {string[]} inputs the files of the bundle, relative to the project
 * @param what has the copies
 */
export async function licencesOf(inputs, project, what = 'The commands') {
  const packages = inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  const texts = await Promise.all(
    [...new Set(packages)].filter((folder) => folder !== undefined).map((folder) => licenceOf(join(project, folder))),
  );
  return `${what} contain copies of these packages.\n\n${texts.sort().join('\n')}`;
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.(md|txt))?$/i.test(entry));
  const text = file === undefined ? '' : `\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n${text}`;
}
