import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assess, type ObjectiveStatus } from './assess.ts';
import type { MalformedFramework } from './framework.ts';
import { frameworkSet, parseFramework, SECTIONS } from './framework.ts';
import { builtInFrameworks, loadFramework, loadFrameworks } from './load-frameworks.ts';
import { CONTROL_QUESTIONS } from './report.ts';
import { aChange, aReport, judged } from './testing/index.ts';

const mapping = (
  objective: Record<string, unknown> = {},
  control: Record<string, unknown> = {},
  framework: Record<string, unknown> = {},
) => ({
  id: 'house-rules',
  title: 'The house’s own rules',
  version: '1',
  source: 'https://rules.example/',
  controls: [
    {
      id: 'h-1',
      label: 'H 1',
      title: 'Approved',
      objectives: [
        { id: 'h-1-approved', statement: 'It was approved.', questions: ['approved-before-deployment'], sections: [], ...objective },
      ],
      notCovered: ['Everything else.'],
      ...control,
    },
  ],
  ...framework,
});

const problemsOf = (value: unknown): readonly string[] => {
  try {
    parseFramework(value, 'it');
    return [];
  } catch (error) {
    return (error as MalformedFramework).problems;
  }
};

describe('The frameworks that come with Plimsoll', () => {
  it('are the five that are promised, and each can be read', async () => {
    const frameworks = await loadFrameworks();
    expect(frameworks.map(({ id }) => id)).toEqual([
      'hipaa-164.312-b',
      'nist-800-53-r5',
      'pci-dss-4.0',
      'soc2-cc8.1',
      'sox-itgc-change-management',
    ]);
    const controls = Object.fromEntries(frameworks.map((f) => [f.id, f.controls.map(({ label }) => label)]));
    expect(controls['nist-800-53-r5']).toEqual(['CM-3', 'CM-5', 'AC-5', 'AU-2', 'AU-6', 'AU-12']);
    expect(controls['pci-dss-4.0']).toContain('6.5.1');
    expect(controls['soc2-cc8.1']).toEqual(['CC8.1']);
    expect(controls['hipaa-164.312-b']).toEqual(['164.312(b)']);
  });

  it('use every question and every section, and say of every control what is not covered', async () => {
    const controls = (await loadFrameworks()).flatMap((f) => f.controls);
    const objectives = controls.flatMap((c) => c.objectives);
    expect(new Set(objectives.flatMap((o) => o.questions))).toEqual(new Set(Object.keys(CONTROL_QUESTIONS)));
    expect(new Set(objectives.flatMap((o) => o.sections))).toEqual(new Set(Object.keys(SECTIONS)));
    expect(controls.filter((c) => c.notCovered.length === 0)).toEqual([]);
  });

  it('lie in a folder of their own: another file there is another framework, without any code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plimsoll-frameworks-'));
    try {
      await writeFile(join(folder, 'house-rules.json'), JSON.stringify(mapping()));
      await writeFile(join(folder, 'readme.txt'), 'not a framework');
      const [framework] = await loadFrameworks(folder);
      expect(framework).toMatchObject({ id: 'house-rules', controls: [{ objectives: [{ questions: ['approved-before-deployment'] }] }] });
      await writeFile(join(folder, 'other.json'), JSON.stringify(mapping({ questions: ['approvd'] })));
      await expect(loadFrameworks(folder)).rejects.toThrow(/other\.json: .*names approvd; known: authorised/);
      await writeFile(join(folder, 'other.json'), '{');
      await expect(loadFramework(join(folder, 'other.json'))).rejects.toThrow(/It is no JSON/);
      await writeFile(join(folder, 'other.json'), ' '.repeat(300_000));
      await expect(loadFramework(join(folder, 'other.json'))).rejects.toThrow(/larger than/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are found where they are built to', () => {
    expect(builtInFrameworks()).toMatch(/libs.compliance.frameworks$/);
  });
});

describe('A mapping', () => {
  it('is taken as it should be', () => {
    expect(problemsOf(mapping())).toEqual([]);
    expect(parseFramework(mapping({ supports: ['cm-3_obj.b'] }, {}, { note: 'n', catalog: 'https://c.example' }), 'it')).toMatchObject({
      note: 'n',
      catalog: 'https://c.example',
      controls: [{ objectives: [{ supports: ['cm-3_obj.b'] }] }],
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['a question that nobody asks', mapping({ questions: ['approved'] }), /objectives\[0\]\.questions names approved; known: authorised/],
    ['a section that there is not', mapping({ sections: ['summary'] }), /sections names summary; known: population/],
    ['a name that every object has', mapping({ questions: ['constructor'] }), /names constructor/],
    ['a question twice', mapping({ questions: ['tested', 'tested'] }), /names tested twice/],
    ['no evidence', mapping({ questions: [], sections: [] }), /rests on no evidence/],
    ['nothing that is not covered', mapping({}, { notCovered: [] }), /notCovered must be a list of 1/],
    ['a blank sentence', mapping({ statement: '  ' }), /statement must be a text/],
    ['an id that OSCAL has no place for', mapping({ id: '164.312(b)' }), /objectives\[0\]\.id must be a text .* that matches/],
    ['an id twice', mapping({ id: 'h-1' }), /The id h-1 is there twice/],
    ['a member that is not known', mapping({ question: ['tested'] }), /question is not known/],
    ['a member that is not known', mapping({}, { weight: 1 }), /controls\[0\]\.weight is not known/],
    ['a source that is no address', mapping({}, {}, { source: 'javascript:alert(1)' }), /source must be/],
    ['no controls', mapping({}, {}, { controls: [] }), /controls must be a list/],
    ['no object', [], /It must be an object/],
    ['nothing', null, /It must be an object/],
  ])('is refused with %s', (_what, value, said) => {
    expect(problemsOf(value).join(' ')).toMatch(said);
  });

  it('is refused beside another with the same ids', () => {
    const one = parseFramework(mapping(), 'one');
    expect(() => frameworkSet([one, one])).toThrow(/The id house-rules is there twice\. The id h-1-approved is there twice/);
    const other = parseFramework(mapping({ id: 'h-2' }, {}, { id: 'a-rules' }), 'other');
    expect(frameworkSet([one, other]).map(({ id }) => id)).toEqual(['a-rules', 'house-rules']);
  });
});

describe('A report, held against a framework', () => {
  const statusWith = (objective: Record<string, unknown>, report = aReport()): ObjectiveStatus =>
    assess(report, parseFramework(mapping(objective), 'it')).controls[0]!.objectives[0]!.status;
  const approved = { questions: ['approved-before-deployment'] };

  it('meets an objective where every change answers yes, and only there', () => {
    expect(statusWith(approved, aReport({ changes: [aChange(1), aChange(2)] }))).toBe('met');
    const exception = aChange(3, { verdicts: { 'approved-before-deployment': judged('exception', 'A bypass waived it.') } });
    expect(statusWith(approved, aReport({ changes: [aChange(1), exception] }))).toBe('exceptions');
    const no = aChange(4, { verdicts: { 'approved-before-deployment': judged('no', 'Nobody approved.') } });
    expect(statusWith(approved, aReport({ changes: [aChange(1), exception, no] }))).toBe('not-met');
  });

  it('meets nothing where there was nothing to test', () => {
    expect(statusWith(approved)).toBe('nothing-to-test');
    expect(statusWith({ ...approved, sections: ['log'] })).toBe('nothing-to-test');
    const unsigned = aReport({ log: { events: 3, coversPeriod: false } });
    expect(statusWith({ ...approved, sections: ['log'] }, unsigned)).toBe('not-met');
  });

  it('leaves to the assessor what no rule can judge', () => {
    expect(statusWith({ questions: [], sections: ['rule-changes'] })).toBe('for-the-assessor');
    expect(statusWith({ questions: [], sections: ['rule-changes', 'log'] })).toBe('met');
  });

  it.each<[string, string, Partial<Parameters<typeof aReport>[0]>, ObjectiveStatus]>([
    ['a log that ends within the period', 'log', { log: { ...aReport().log, coversPeriod: false } }, 'exceptions'],
    ['a log without a signed checkpoint', 'log', { log: { events: 3, coversPeriod: true } }, 'not-met'],
    ['a log that is signed', 'log', {}, 'met'],
    [
      'a deployment that nobody authorised',
      'population',
      {
        accuracy: {
          ...aReport().accuracy,
          neverAuthorised: [
            { at: 'x', ref: 'x@1', sequence: 1, by: 'report', artifact: 'a', changeId: 'c', environment: 'e', why: 'never-deployed-here' },
          ],
        },
      },
      'not-met',
    ],
    ['deployments and reports that account for each other', 'population', {}, 'met'],
    [
      'somebody who acted without a grant',
      'access',
      {
        access: {
          roles: [],
          memberships: [],
          actedWithoutGrant: [{ at: 'x', ref: 'x@1', sequence: 1, person: 'p', capability: 'deploy', times: 2 }],
        },
      },
      'not-met',
    ],
    ['nobody who acted without a grant', 'access', {}, 'met'],
  ])('judges %s', (_what, section, parts, status) => {
    expect(statusWith({ questions: [], sections: [section] }, aReport(parts))).toBe(status);
  });

  it('says of a control the worst of its objectives', () => {
    const two = mapping(
      {},
      {
        objectives: [
          { id: 'a', statement: 'A.', questions: ['tested'], sections: [] },
          { id: 'b', statement: 'B.', questions: ['requested'], sections: [] },
        ],
      },
    );
    const report = aReport({ changes: [aChange(1, { verdicts: { tested: judged('no', 'No report.') } })] });
    const [control] = assess(report, parseFramework(two, 'it')).controls;
    expect(control).toMatchObject({ status: 'not-met', objectives: [{ status: 'not-met' }, { status: 'met' }] });
  });
});
