import { hookCommandLine, type Installed, type SettingsEdit } from './settings-edit.js';

const BEGIN = '# muse-bus: begin';
const END = '# muse-bus: end';
const SHELL = /^#! ?(?:\/usr)?\/bin\/(?:env )?(?:ba|da|k|z)?sh\b.*$/;

/**
 * Adds the guard to a pre-commit hook that is a shell script. The guard follows the first line, because a later line may end the script. If
 * the program is not installed, the guard lets the commit pass.
 * @param isShell whether a shell runs the file, whatever its first line is.
 */
export function addGuard(text: string | undefined, installed: Installed, isShell = false): SettingsEdit {
  const guard = guardLines(installed);
  if (text === undefined || text.trim() === '') return { is: 'changed', text: ['#!/bin/sh', ...guard, ''].join('\n') };
  const lines = withoutGuard(text).split('\n');
  const [first = '', ...rest] = lines;
  if (isShell && !first.startsWith('#!')) return changedTo(text, [...guard, ...lines]);
  if (!SHELL.test(first)) {
    return { is: 'refused', why: `it is no shell script; add "${hookCommandLine(installed, 'git')} || exit 1" to it` };
  }
  return changedTo(text, [first, ...guard, ...rest]);
}

function changedTo(text: string, lines: readonly string[]): SettingsEdit {
  const after = lines.join('\n');
  return after === text ? { is: 'same' } : { is: 'changed', text: after };
}

/** Removes the guard; if only the first line of the script is left, the file is removed. */
export function removeGuard(text: string | undefined): SettingsEdit {
  if (text === undefined || !hasGuard(text)) return { is: 'same' };
  const after = withoutGuard(text);
  return { is: 'changed', text: /^#![^\n]*\s*$/.test(after) ? undefined : after };
}

export const hasGuard = (text: string): boolean => text.split('\n').includes(BEGIN);

/** The program that the guard calls, with its arguments. */
export const guardProgram = (text: string): string | undefined => /^ {2}(.+) hook git /m.exec(text)?.[1];

function guardLines(installed: Installed): string[] {
  const [program = ''] = installed.program.split(' ');
  return [
    BEGIN,
    `if command -v ${program} >/dev/null 2>&1; then`,
    `  ${hookCommandLine(installed, 'git')} || exit 1`,
    'fi',
    END,
  ];
}

function withoutGuard(text: string): string {
  const lines = text.split('\n');
  const begin = lines.indexOf(BEGIN);
  const end = lines.indexOf(END, begin);
  return begin < 0 || end < 0 ? text : [...lines.slice(0, begin), ...lines.slice(end + 1)].join('\n');
}
