/** The result of a change to a file of settings. */
export type SettingsEdit =
  /** @property text the new text; `undefined`: nothing is left, so the file is removed. */
  | { readonly is: 'changed'; readonly text: string | undefined }
  | { readonly is: 'same' }
  /** The file does not have the expected form and is not changed. */
  | { readonly is: 'refused'; readonly why: string };

/** The command line in the settings. */
export interface Installed {
  /** `muse-bus`, or another command that starts it. */
  readonly program: string;
  readonly whenUnknown: 'pass' | 'deny';
}

export function hookCommandLine({ program, whenUnknown }: Installed, harness: string): string {
  return `${program} hook ${harness}${whenUnknown === 'deny' ? ' --when-unknown deny' : ''}`;
}

/** Whether a command in settings is ours, however it starts the program and whatever its flags are. */
export const isOurs = (command: unknown, harness: string): boolean =>
  typeof command === 'string' && new RegExp(`muse-bus.*\\bhook ${harness}(?: |$)`).test(command);
