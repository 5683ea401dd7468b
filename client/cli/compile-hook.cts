/**
 * Keeps the code that V8 compiles of a bundle of the hook beside it, for one version of Node and one kind of machine. Who can write there can
 * write the bundle too, so nobody gains by it. A process of its own, because V8 compiles all functions of a text only where it meets it first.
 */
import fs = require('node:fs');
import path = require('node:path');
import v8 = require('node:v8');
import vm = require('node:vm');

const [, , file, compiledFile] = process.argv;
const text = fs.readFileSync(file!);
v8.setFlagsFromString('--no-lazy');
// The code names its file: without the directory, which is each machine's own.
const script = new vm.Script(text.toString('latin1'), { filename: `hook/${path.basename(file!)}` });
// V8 takes code only where its flags are those with which the code was made.
v8.setFlagsFromString('--lazy');
const code = script.createCachedData();
// main.cts reads it: see there why the text is in it, and the code twice.
fs.writeFileSync(compiledFile!, Buffer.concat([text, code, code]));
