import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const DOCUMENT = readFileSync(at('SECURITY.md'), 'utf8');

interface Row {
  readonly tries: string;
  readonly heldBy: string;
  /** The test files of a threat, each with the test names that are quoted after it. */
  readonly shownBy: readonly { readonly file: string; readonly names: readonly string[] }[];
}

/** The rows of all tables under "Threats", without the backslashes that the formatter adds. */
function threats(): Row[] {
  const section = DOCUMENT.slice(DOCUMENT.indexOf('\n## Threats')).replaceAll('\\_', '_');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (tries|-+) /.test(line))
    .map((line) => {
      const [tries = '', heldBy = '', shown = ''] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const files = [...shown.matchAll(/`(test\/[^`]+)`([^`]*)/g)];
      const shownBy = files.map(([, file, rest]) => ({
        file: file!,
        names: [...rest!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!),
      }));
      return { tries, heldBy, shownBy };
    });
}

const THREATS = threats();

t.test('every threat in SECURITY.md names a defence and a test of it', async (t) => {
  t.ok(THREATS.length > 30, `${String(THREATS.length)} threats`);
  for (const { tries, heldBy, shownBy } of THREATS) {
    t.not(heldBy, '', tries);
    t.ok(shownBy.length > 0, tries);
  }
});

t.test('every test that SECURITY.md names exists, under that name', async (t) => {
  for (const { file, names } of THREATS.flatMap(({ shownBy }) => shownBy)) {
    if (!t.ok(existsSync(at(file)), file)) continue;
    const source = readFileSync(at(file), 'utf8').replaceAll("\\'", "'");
    for (const name of names) t.ok(source.includes(name), `${file}: ${name}`);
  }
});

t.test('every file of the program that SECURITY.md names exists', async (t) => {
  const files = [...DOCUMENT.matchAll(/`((?:client|server|protocol)\/[\w./-]+\.ts)`/g)].map(([, file]) => file!);
  t.ok(files.length > 5);
  for (const file of files) t.ok(existsSync(at(file)), file);
});
