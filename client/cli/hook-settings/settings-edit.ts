/** What would become of a file of settings. */
export type SettingsEdit =
  /** @property text `undefined`: nothing would be left in it, and it goes. */
  | { readonly is: 'changed'; readonly text: string | undefined }
  | { readonly is: 'same' }
  /** It is not as it should be, and is left alone. */
  | { readonly is: 'refused'; readonly why: string };

/** How the command is called from settings. */
export interface Installed {
  /** `muse-bus`, or another way to start it. */
  readonly program: string;
  readonly whenUnknown: 'pass' | 'deny';
}

export function hookCommandLine({ program, whenUnknown }: Installed, harness: string): string {
  return `${program} hook ${harness}${whenUnknown === 'deny' ? ' --when-unknown deny' : ''}`;
}

/** Whether a command in settings is ours, whatever starts it and whatever its flags. */
export const isOurs = (command: unknown, harness: string): boolean =>
  typeof command === 'string' && new RegExp(`muse-bus.*\\bhook ${harness}(?: |$)`).test(command);
