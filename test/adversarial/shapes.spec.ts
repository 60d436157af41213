import { getMetadataStorage } from 'class-validator';
import { nestedProperties, ProblemError, StrictValidationPipe, validatedClasses, type FieldProblem } from '#libs/http';
// Loads every controller and command, whose classes register themselves.
import '../../src/app.module.ts';

type Class = ReturnType<typeof validatedClasses>[number];

const pipe = new StrictValidationPipe();
/** What is wrong with a body of this class. */
async function problemsOf(target: Class, body: object): Promise<readonly FieldProblem[]> {
  try {
    await pipe.transform(body, { type: 'body', metatype: target });
    return [];
  } catch (error) {
    if (error instanceof ProblemError) return error.options.errors ?? [];
    throw error;
  }
}

const properties = validatedClasses().flatMap((target) =>
  nestedProperties(target).map((nested) => [`${target.name}.${nested.property}`, target, nested] as const),
);

describe('every field of every body that holds objects', () => {
  it('is found, and its class is known', () => {
    expect(properties.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'RequestRole.scope',
        'PlanRelease.smoke',
        'PlanRelease.steps',
        'PolicyClauseField.when',
        'RegisterArtifact.digest',
      ]),
    );
    expect(properties.filter(([, , { of }]) => !of).map(([name]) => name)).toEqual([]);
  });

  it.each(properties)('%s takes no list, text or absence for an object, and no list for an element', async (_name, target, nested) => {
    const { property, list } = nested;
    const at = async (value: unknown): Promise<readonly FieldProblem[]> =>
      (await problemsOf(target, { [property]: value })).filter(({ path }) => path === property || path === `${property}[0]`);
    const refused = (path: string): object => [
      { path, problems: [expect.stringMatching(/must be a (list of )?JSON objects?, .*fields/i)] },
    ];

    for (const wrong of list ? [{}, 'x', 1, true] : [[], [[]], [{}], 'x', 1, true])
      expect([wrong, await at(wrong)]).toEqual([wrong, refused(property)]);
    if (list) for (const wrong of [[[]], ['x'], [null], [1]]) expect([wrong, await at(wrong)]).toEqual([wrong, refused(`${property}[0]`)]);
    const optional = !nested.needed({}, undefined);
    expect(await at(undefined)).toEqual(optional ? [] : refused(property));
    expect(await at(null)).toEqual(optional ? [] : refused(property));

    // The same thing done rightly: of an object, its own fields are judged.
    const ownOf = (problems: readonly FieldProblem[]): readonly FieldProblem[] =>
      problems.filter(({ problems: [says] }) => says?.includes('JSON object'));
    expect(ownOf(await at(list ? [{}] : {}))).toEqual([]);
  });

  it('is taken where it is as it must be', async () => {
    const [, RequestRole] = properties.find(([name]) => name === 'RequestRole.scope')!;
    const role = { role: 'tester', scope: { kind: 'environment', id: 'production' }, until: '2027-03-02T10:00:00Z' };
    const taken = (await problemsOf(RequestRole, role)).length === 0 ? 200 : 400;
    expect(taken).toBe(200);
  });

  it('that holds a list says so: text would pass for a list of one', () => {
    const rulesOf = (target: Class): readonly { propertyName: string; each: boolean; name?: string }[] =>
      getMetadataStorage().getTargetValidationMetadatas(target, '', true, false);
    const loose = validatedClasses().flatMap((target) => {
      const rules = rulesOf(target);
      const each = new Set(rules.filter((rule) => rule.each).map((rule) => rule.propertyName));
      return [...each]
        .filter((property) => !rules.some((rule) => rule.propertyName === property && rule.name === 'isArray'))
        .map((p) => `${target.name}.${p}`);
    });
    expect(loose).toEqual([]);
  });
});
