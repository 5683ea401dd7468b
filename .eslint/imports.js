import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { BROWSER_ROOMS, mayImport, PURE_PACKAGES, PURE_ROOMS, roomOf } from './rooms.js';
import { PORTED, SYSTEM } from './system.js';

const ROOT = resolve(import.meta.dirname, '..');

/** The target of an import: a path from the root, or the name of a package. */
function targetOf(file, specifier) {
  return specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier;
}

/** Visitors of all nodes that name a module: declarations, `import()`, and types by `import('…')`. */
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

/** Reports an import from a room that the file may not import, or of a package that its room may not use. */
const arrows = rule('Imports between rooms follow the table in .eslint/rooms.js', (context) => {
  const file = relative(ROOT, context.filename);
  const isInOneOf = (rooms) => rooms.some((room) => file.startsWith(`${room}/`));
  return onEachImport((node, specifier) => {
    const target = targetOf(file, specifier);
    const report = (message) => context.report({ node, message });
    if (specifier.startsWith('.')) {
      if (!mayImport(file, target)) report(`${roomOf(file)} may not import ${target} (.eslint/rooms.js)`);
      return;
    }
    if (isInOneOf(BROWSER_ROOMS) && target.startsWith('node:'))
      report(`${file} runs in browsers and may not import ${target}`);
    if (isInOneOf(PURE_ROOMS) && !PURE_PACKAGES.includes(target))
      report(`${roomOf(file)} is pure and may not import ${target}`);
  });
});

/** The file on disk that an import means: `.js` stands for `.ts` or `.tsx`. */
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

/** The shortest chain of imports from one file to another, both included; `undefined` where there is none. */
function chainOfImports(from, to) {
  const cameFrom = new Map([[from, undefined]]);
  for (const file of cameFrom.keys()) {
    if (file === to) {
      const chain = [];
      for (let at = file; at !== undefined; at = cameFrom.get(at)) chain.unshift(at);
      return chain;
    }
    for (const next of importsOf(file)) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return undefined;
}

/** Reports an import of a file that imports the importing file, directly or through others. Imports of types count. */
const noCircle = rule('No two files import each other, directly or through others', (context) => {
  const file = relative(ROOT, context.filename);
  return onEachImport((node, specifier) => {
    if (!specifier.startsWith('.')) return;
    const target = sourceOf(targetOf(file, specifier));
    const chain = target && chainOfImports(target, file);
    if (chain) context.report({ node, message: `Circle of imports: ${[file, ...chain].join(' → ')}` });
  });
});

/** The name of what is called: `setTimeout`, `Date.now`, or `new Date` without an argument. */
function calledName(node) {
  const { callee } = node;
  if (node.type === 'NewExpression') return node.arguments.length === 0 ? `new ${callee.name ?? ''}` : undefined;
  if (callee.type === 'Identifier') return callee.name;
  const { object, property } = callee;
  if (object?.type === 'Identifier')
    return object.name === 'globalThis' ? property.name : `${object.name}.${property.name}`;
  return object?.property && `${object.property.name}.${property.name}`;
}

/** Reports a file that reaches the system past the ports: by a package of the table in .eslint/system.js, or by a call. */
const ports = rule('Only the files in the table of .eslint/system.js reach the system', (context) => {
  const file = relative(ROOT, context.filename);
  const path = file.replace(/\.tsx?$/, '');
  if (!PORTED.some((room) => path.startsWith(`${room}/`))) return {};
  const isUser = (way) => SYSTEM[way].users.some((user) => path === user || path.startsWith(`${user}/`));
  const report = (node, way, what) =>
    context.report({ node, message: `${file} reaches ${way} by ${what}: take a port (.eslint/system.js)` });
  const ways = Object.keys(SYSTEM).filter((way) => !isUser(way));
  const onCall = (node) => {
    const name = calledName(node);
    for (const way of ways) if (name && SYSTEM[way].calls?.includes(name)) report(node, way, name);
  };
  return {
    ...onEachImport((node, specifier) => {
      if (node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType') return;
      for (const way of ways) {
        if (SYSTEM[way].packages?.includes(specifier)) report(node, way, specifier);
        for (const { imported } of node.specifiers ?? [])
          if (imported && SYSTEM[way].names?.includes(imported.name)) report(node, way, imported.name);
      }
    }),
    CallExpression: onCall,
    NewExpression: onCall,
  };
});

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];

/** Code that reads a clock itself. */
const TIME_TAKEN = [
  [`MemberExpression[object.name='Date'][property.name='now']`, 'Date.now'],
  [`NewExpression[callee.name='Date'][arguments.length=0]`, 'new Date()'],
  [`CallExpression[callee.name='Date']`, 'Date()'],
  [`CallExpression[callee.property.name='elapsed']`, 'elapsed()'],
  [`Identifier[name='clock']`, 'a clock'],
];

/** The rules for the layout: which room may import which, and which rooms may not read a clock. */
export const layout = [
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { rooms: { rules: { arrows, 'no-circle': noCircle, ports } } },
    rules: { 'rooms/arrows': 'error', 'rooms/no-circle': 'error', 'rooms/ports': 'error' },
  },
  {
    files: PURE_ROOMS.map((room) => `${room}/**/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        {
          globals: [...TIMERS, 'performance', 'process'].map((name) => ({
            name,
            message: 'A pure room receives the time as an argument.',
          })),
          checkGlobalObject: true,
        },
      ],
      'no-restricted-syntax': [
        'error',
        ...TIME_TAKEN.map(([selector, what]) => ({
          selector,
          message: `A pure room receives the time as an argument: no ${what}.`,
        })),
      ],
    },
  },
];
