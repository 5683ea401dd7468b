import type { GetPromptResult, Prompt } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { closestMatch } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { readArguments } from './arguments.js';
import type { McpBus } from './bus.js';
import { readResource } from './resources.js';
import { BOUND } from './tool.js';

interface PromptDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The argument, and what it is. */
  readonly argument: readonly [name: string, description: string];
  /** What the model is asked, in our own words. */
  readonly task: string;
  /** The resource whose text follows. */
  readonly about: (value: string) => string;
}

const PROMPTS: readonly PromptDefinition[] = [
  {
    name: 'before_edit',
    title: 'Before an edit',
    description: 'Who holds an address, and what to do before it is edited.',
    argument: ['address', 'src/billing.py::compute_total, a file, directory or pattern'],
    task:
      'You want to edit the address in the data below. If free is yes: reserve it, ask who_holds again, and edit if no other run ' +
      'holds it. If free is no: do not edit; call wait_until_free with the address, or work on something else. If free is unknown: ' +
      'say so, and ask the person. When you have edited, release the reservation.',
    about: (address) => `muse://holders/${encodeURIComponent(address)}`,
  },
  {
    name: 'my_situation',
    title: 'What concerns my run',
    description: 'The leases of a run, who waits for it, and its conflicts, with what to do about each.',
    argument: ['run_id', 'the name of the run'],
    task:
      'The data below is what concerns your run. First release what other runs wait for and you no longer need; then extend the leases ' +
      'that end soon; then settle each conflict with its other parties before you continue. Report what you cannot settle.',
    about: (run) => `muse://agents/${encodeURIComponent(run)}`,
  },
];

export const LISTED_PROMPTS: readonly Prompt[] = PROMPTS.map(({ name, title, description, argument }) => ({
  name,
  title,
  description,
  arguments: [
    { name: argument[0], description: argument[1], required: true },
    { name: 'max_tokens', description: 'the most that the data may take', required: false },
  ],
}));

/** Returns a prompt: our own words first, then the data, which says of itself that other agents wrote it. @throws CliError, BusError */
export async function getPrompt(
  bus: McpBus,
  name: string,
  given: Readonly<Record<string, string>>,
): Promise<GetPromptResult> {
  const found = PROMPTS.find((prompt) => prompt.name === name);
  if (!found) throw noPrompt(name);
  const { description, argument, task, about } = found;
  const shape = { [argument[0]]: z.string().min(1), ...BOUND };
  const args = readArguments(name, shape, given) as Readonly<Record<string, string | number>>;
  const uri = `${about(String(args[argument[0]]))}?max_tokens=${String(args['max_tokens'])}`;
  const text = await readResource(bus, uri);
  return {
    description,
    messages: [
      {
        role: 'user',
        content: { type: 'text', text: `${task}\n\n${argument[0]}: ${JSON.stringify(args[argument[0]])}` },
      },
      { role: 'user', content: { type: 'text', text } },
    ],
  };
}

function noPrompt(name: string): CliError {
  const names = PROMPTS.map((prompt) => prompt.name);
  const best = closestMatch(name, names);
  const hint = best === undefined ? `prompts are ${names.join(', ')}` : `did you mean ${best}?`;
  return new CliError(`there is no prompt ${JSON.stringify(name.slice(0, 80))}`, 'bad_args', hint);
}
