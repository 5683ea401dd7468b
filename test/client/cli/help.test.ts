import t from 'tap';
import { EDGE_ONLY, ORIGIN_ONLY, SETTINGS, type SettingName } from '../../../client/cli/settings/settings.js';
import { variableOf, type Setting } from '../../../client/cli/settings/setting.js';
import { Command } from '../../support/command.js';

const COMMANDS = [
  'serve',
  'edge',
  'watch',
  'get',
  'holders',
  'wait',
  'top',
  'record',
  'replay',
  'doctor',
  'config',
  'token',
  'hook',
  'hooks',
  'mcp',
  'demo',
  'completion',
];

t.test('the help, and that of each command, begins with three examples and ends with the exit codes', async (t) => {
  for (const args of [[], ...COMMANDS.map((name) => [name]), ['token', 'rotate']]) {
    const help = Command.museBus([...args, '--help']);
    t.equal(await help.exit, 0, args.join(' '));
    t.equal(help.lines[0], 'Examples:');
    t.ok(
      help.lines.slice(1, 4).every((line) => /^ {2}\S.* {3}\S/.test(line)),
      'three examples',
    );
    t.equal(help.lines[4], '');
    const codes = help.lines.slice(help.lines.indexOf('Exit codes:') + 1);
    t.ok(codes.length >= 2 && codes.every((line) => /^ {2}\d{1,2} {2}\S/.test(line)), 'exit codes');
  }
});

t.test(
  'the help of serve and of edge names the variable of each of its settings, its choices and its default',
  async (t) => {
    let text = '';
    for (const [command, isOther] of [
      ['edge', ORIGIN_ONLY],
      ['serve', EDGE_ONLY],
    ] as const) {
      const help = Command.museBus([command, '--help']);
      await help.exit;
      text = help.lines.join(' ').replace(/ +/g, ' ');
      for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
        const value = setting.takes === 'switch' ? `=${String(setting.fallback !== true)}` : '';
        const isNamed = text.includes(`env: ${variableOf(setting)}${value})`);
        t.equal(isNamed, !isOther.has(name), `${command}: ${setting.name}`);
      }
    }
    t.match(text, /\(choices: "auto", "uws", "ws", default: auto, env: MUSE_BUS_TRANSPORT\)/);
  },
);

t.test('without a command the help is shown, and for a misspelt one a hint', async (t) => {
  const bare = Command.museBus([]);
  t.equal(await bare.exit, 0);
  t.equal(bare.lines[0], 'Examples:');
  const misspelt = Command.museBus(['wacth']);
  t.equal(await misspelt.exit, 1);
  t.match(misspelt.errors.join('\n'), /unknown command 'wacth'.*watch/s);
});

t.test(
  'what is no command or option is named, and where to read on; so is help of it, and a group of commands shows its help',
  async (t) => {
    for (const [args, says] of [
      [['watch', '--xyzzyx'], /unknown option '--xyzzyx'\n +see muse-bus watch --help/],
      [['token', 'rotate', '--json=yes'], /❌ --json takes no value$/],
      [['watch', '--kind='], /, got ''$/],
      [['watch', '--root', ''], /❌ --root is empty$/],
      [['help', 'watc'], /unknown command 'watc'\n +did you mean watch\?/],
      [['help', 'token', 'rotat'], /unknown command 'rotat'\n +did you mean rotate\?/],
    ] as const) {
      const help = Command.museBus(args);
      t.equal(await help.exit, 1);
      t.match(help.errors.join('\n'), says);
      t.strictSame(help.lines, []);
    }
    const group = Command.museBus(['token']);
    t.equal(await group.exit, 0);
    t.equal(group.lines[0], 'Examples:');
    t.strictSame(group.errors, []);
  },
);
