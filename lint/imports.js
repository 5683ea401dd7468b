import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { BROWSER_ROOMS, mayImport, PURE_PACKAGES, PURE_ROOMS, roomOf } from './rooms.js';

const ROOT = resolve(import.meta.dirname, '..');

/** Where an import leads: a path from the root, or the name of a package. */
function targetOf(file, specifier) {
  return specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier;
}

/** The nodes that name what is imported: of declarations, of `import()` and of types by `import('…')`. */
const onEachImport = (look) => {
  const seen = (node, source) => {
    const specifier = source?.value ?? source?.literal?.value;
    if (typeof specifier === 'string') look(node, specifier);
  };
  return {
    ImportDeclaration: (node) => seen(node, node.source),
    ExportNamedDeclaration: (node) => seen(node, node.source),
    ExportAllDeclaration: (node) => seen(node, node.source),
    ImportExpression: (node) => seen(node, node.source),
    TSImportType: (node) => seen(node, node.source ?? node.argument),
  };
};

const rule = (description, create) => ({ meta: { type: 'problem', docs: { description }, schema: [] }, create });

/** An import that leads into a room which the importing file may not look at, or to a package that its room does without. */
const arrows = rule('Imports between rooms follow the table in lint/rooms.js', (context) => {
  const file = relative(ROOT, context.filename);
  const isInOneOf = (rooms) => rooms.some((room) => file.startsWith(`${room}/`));
  return onEachImport((node, specifier) => {
    const target = targetOf(file, specifier);
    const report = (message) => context.report({ node, message });
    if (specifier.startsWith('.')) {
      if (!mayImport(file, target)) report(`${roomOf(file)} may not import ${target} (lint/rooms.js)`);
      return;
    }
    if (isInOneOf(BROWSER_ROOMS) && target.startsWith('node:'))
      report(`${file} runs in browsers and may not import ${target}`);
    if (isInOneOf(PURE_ROOMS) && !PURE_PACKAGES.includes(target))
      report(`${roomOf(file)} is pure and may not import ${target}`);
  });
});

/** A file as it is on disk: `.js` in an import is `.ts` or `.tsx`. */
function sourceOf(path) {
  const stem = path.replace(/\.js$/, '');
  return [`${stem}.ts`, `${stem}.tsx`, path].find((candidate) => existsSync(join(ROOT, candidate)));
}

const importsOnDisk = new Map();

/** The files of the project that a file on disk imports. */
function importsOf(file) {
  let imports = importsOnDisk.get(file);
  if (imports === undefined) {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), 'utf8'), true, true);
    const ours = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
    imports = ours.map((name) => sourceOf(targetOf(file, name))).filter((source) => source !== undefined);
    importsOnDisk.set(file, imports);
  }
  return imports;
}

/** The shortest way of imports from one file to another, both included; nothing where there is none. */
function wayOfImports(from, to) {
  const cameFrom = new Map([[from, undefined]]);
  for (const file of cameFrom.keys()) {
    if (file === to) {
      const way = [];
      for (let at = file; at !== undefined; at = cameFrom.get(at)) way.unshift(at);
      return way;
    }
    for (const next of importsOf(file)) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return undefined;
}

/** An import of a file that leads back to the importing one, by way of others or at once. Imports of types count. */
const noCircle = rule('No two files import each other, not by way of others either', (context) => {
  const file = relative(ROOT, context.filename);
  return onEachImport((node, specifier) => {
    if (!specifier.startsWith('.')) return;
    const target = sourceOf(targetOf(file, specifier));
    const way = target && wayOfImports(target, file);
    if (way) context.report({ node, message: `Circle of imports: ${[file, ...way].join(' → ')}` });
  });
});

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];

/** How code takes the time, or lets it pass, without being given it. */
const TIME_TAKEN = [
  [`MemberExpression[object.name='Date'][property.name='now']`, 'Date.now'],
  [`NewExpression[callee.name='Date'][arguments.length=0]`, 'new Date()'],
  [`CallExpression[callee.name='Date']`, 'Date()'],
  [`CallExpression[callee.property.name='elapsed']`, 'elapsed()'],
  [`Identifier[name='clock']`, 'a clock'],
];

/** The parts of the configuration that keep the layout: what imports what, and who may know the time. */
export const layout = [
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { rooms: { rules: { arrows, 'no-circle': noCircle } } },
    rules: { 'rooms/arrows': 'error', 'rooms/no-circle': 'error' },
  },
  {
    files: PURE_ROOMS.map((room) => `${room}/**/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        {
          globals: [...TIMERS, 'performance', 'process'].map((name) => ({
            name,
            message: 'A pure room is given its time.',
          })),
          checkGlobalObject: true,
        },
      ],
      'no-restricted-syntax': [
        'error',
        ...TIME_TAKEN.map(([selector, what]) => ({ selector, message: `A pure room is given its time: no ${what}.` })),
      ],
    },
  },
];
