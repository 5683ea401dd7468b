import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

t.test(
  'a mistake in the user’s own settings is an error of every command, with the file and the line or field',
  async (t) => {
    const repository = new TemporaryRepository();
    const home = mkdtempSync(join(tmpdir(), 'muse-bus-config-'));
    t.teardown(() => {
      repository.dispose();
      rmSync(home, { recursive: true, force: true });
    });
    const file = join(home, 'muse-bus', 'config.json');
    mkdirSync(join(home, 'muse-bus'), { mode: 0o700 });
    const commands = [
      ['get', 'task'],
      ['watch', '--once'],
      ['wait', '--free', 'a', '--timeout', '0'],
      ['holders', 'a'],
      ['top', '--once'],
      ['serve', '--port', '0'],
    ];
    for (const [text, says] of [
      ['{\n  "port": 1,\n  oops\n}', /config\.json is not used: it is not JSON \(line 3\)/],
      [
        '{\n  "safe_directories": ["srv"]\n}',
        /safe_directories in .*config\.json must hold absolute paths, .* got srv/,
      ],
      ['{ "prot": 1 }', /config\.json has no setting "prot"/],
    ] as const) {
      writeFileSync(file, text, { mode: 0o600 });
      const ran = commands.map((args) =>
        Command.museBus([...args, '--root', repository.root], { env: { XDG_CONFIG_HOME: home } }),
      );
      for (const [i, command] of ran.entries()) {
        t.equal(await command.exit, 1, commands[i]!.join(' '));
        t.match(command.errors.join('\n'), says, commands[i]!.join(' '));
      }
      const doctor = Command.museBus(['doctor', '--json', '--root', repository.root], {
        env: { XDG_CONFIG_HOME: home },
      });
      t.equal(await doctor.exit, 1);
      t.match(doctor.lines.join('\n'), /"check":"settings","state":"wrong"/, 'doctor says it among the rest');
    }
  },
);
