import t from 'tap';
import { groupId } from '../../../protocol/index.js';
import { Group } from '../../../server/delivery/group.js';

const member = (name: string, endIndex = Infinity) => ({ name, endIndex, slot: -1 });

t.test('a group has exactly the members that joined and have not left, each at its slot', async (t) => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => member(name));
  const leavings = [[a], [b], [d], [a, b], [d, c], [b, d, a], [a, b, c, d], [d, c, b, a]];
  for (const leaving of leavings) {
    const group = new Group<ReturnType<typeof member>>(groupId(1), {}, 'json');
    for (const one of [a, b, c, d]) group.join(one!);
    for (const one of leaving) group.leave(one!);
    const stayed = [a, b, c, d].filter((one) => !leaving.includes(one));
    t.same(
      group.members.map(({ name }) => name).sort(),
      stayed.map((one) => one!.name),
    );
    t.ok(stayed.every((one) => group.members[one!.slot] === one));
  }
});

t.test('a group knows the lowest index at which one of its members ends', async (t) => {
  const group = new Group<ReturnType<typeof member>>(groupId(1), {}, 'json');
  t.equal(group.nextCap, Infinity);
  const [late, early, endless] = [member('late', 9), member('early', 4), member('endless')];
  for (const [one, cap] of [
    [late, 9],
    [early, 4],
    [endless, 4],
  ] as const) {
    group.join(one);
    t.equal(group.nextCap, cap);
  }
  group.leave(early);
  group.findNextCap();
  t.equal(group.nextCap, 9);
  group.leave(late);
  group.findNextCap();
  t.equal(group.nextCap, Infinity);
});
