import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MUSE_BUS } from '../../../support/command.js';
import { inFuture } from '../../../support/leases.js';
import { WorkingTree } from '../../../support/git.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { claudeCode } from './hook-inputs.js';

const BILLING = 'def compute_total(items):\n    return sum(items)\n\n\ndef apply_discount(total):\n    return total\n';

/** What the hook says to the agent; `undefined` if it says nothing. */
interface Said {
  readonly decision?: string;
  readonly text: string;
}

/** An agent as its harness runs it: every tool is announced to the hook before, and reported after. */
class Agent {
  constructor(
    private readonly root: string,
    readonly run: string,
  ) {}

  /** @returns what it was told before; the file is changed only if that was no denial. */
  async edit(path: string, from: string, to: string): Promise<Said | undefined> {
    const input = { file_path: join(this.root, path), old_string: from, new_string: to };
    const before = await this.#hook('PreToolUse', { tool_name: 'Edit', tool_input: input });
    if (before?.decision === 'deny') return before;
    const text = readFileSync(join(this.root, path), 'utf8');
    writeFileSync(join(this.root, path), text.replace(from, to));
    return (await this.#hook('PostToolUse', { tool_name: 'Edit', tool_input: input })) ?? before;
  }

  async shell(command: () => void): Promise<Said | undefined> {
    const tool = { tool_name: 'Bash', tool_input: { command: 'sed -i …' } };
    const before = await this.#hook('PreToolUse', tool);
    if (before) return before;
    command();
    return this.#hook('PostToolUse', tool);
  }

  async #hook(event: string, fields: object): Promise<Said | undefined> {
    const env = { ...process.env, NODE_OPTIONS: '', MUSE_RUN_ID: this.run };
    const child = spawn(process.execPath, [MUSE_BUS, 'hook', 'claude-code'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.end(JSON.stringify(claudeCode(event, { cwd: this.root, session_id: this.run, ...fields })));
    await new Promise((resolve) => child.on('close', resolve));
    if (out === '') return undefined;
    const { hookSpecificOutput: said } = JSON.parse(out) as { hookSpecificOutput: Record<string, string> };
    const decision = said['permissionDecision'];
    const text = said['permissionDecisionReason'] ?? said['additionalContext'] ?? '';
    return decision === undefined ? { text } : { decision, text };
  }
}

t.test(
  'two agents share a file and neither overwrites the symbol of the other; one that edits by shell is told',
  async (t) => {
    const repository = new ServedRepository();
    t.teardown(() => repository.stop());
    const { root } = repository;
    const tree = new WorkingTree(root);
    const file = join(root, 'src/billing.py');
    tree.write('src/billing.py', BILLING);
    tree.commit();
    await repository.start();
    const reserve = (run_id: string, symbol: string, id = run_id): void =>
      repository.rename('reservation', id, {
        reservation_id: id,
        run_id,
        branch: 'main',
        addresses: [`src/billing.py::${symbol}`],
        expires_at: inFuture(600_000),
      });
    const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((run) => new Agent(root, run)) as [Agent, Agent, Agent];
    reserve('ada', 'compute_total');
    reserve('bob', 'apply_discount');

    const own = await ada.edit(
      'src/billing.py',
      'def compute_total(items):\n    return sum(items)',
      'def compute_total(items):\n    return 2',
    );
    t.equal(own?.decision, undefined, 'its own symbol');
    const others = await bob.edit('src/billing.py', 'def compute_total(items):', 'def compute_total(rows):');
    t.match(others, { decision: 'deny', text: /"run_id":"ada"/ });
    t.match(others!.text, /wait --free/, 'and what to do');
    const discount = await bob.edit(
      'src/billing.py',
      'def apply_discount(total):\n    return total',
      'def apply_discount(total):\n    return 1',
    );
    t.equal(discount?.decision, undefined, 'its own symbol in the same file');
    t.equal(
      readFileSync(file, 'utf8'),
      'def compute_total(items):\n    return 2\n\n\ndef apply_discount(total):\n    return 1\n',
    );

    t.equal(await eve.shell(() => undefined), undefined, 'a command that changes nothing');
    const told = await eve.shell(() => {
      writeFileSync(file, 'def compute_total(items):\n    return 3\n');
    });
    t.equal(told?.decision, undefined, 'a shell is not stopped');
    t.match(told!.text, /files have changed that another run holds/);
    for (const run of ['ada', 'bob']) t.match(told!.text, `"run_id":"${run}"`);

    repository.rename('release', 'ada', { reservation_id: 'ada', run_id: 'ada' });
    reserve('bob', 'compute_total', 'bob-2');
    const freed = await bob.edit('src/billing.py', 'def compute_total(items):', 'def compute_total(rows):');
    t.equal(freed?.decision, undefined, 'released by one, held by the other');
    t.match(readFileSync(file, 'utf8'), /compute_total\(rows\)/);
  },
);
