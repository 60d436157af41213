import { CONTROL_QUESTIONS, type ControlQuestion } from './report.ts';

/**
 * Parts of the report that are evidence besides the questions. Some can be judged (`judged`), the others are material for the assessor: nobody
 * can say of a list of changes to policies that it is right.
 */
export const SECTIONS = {
  population: { title: 'Completeness of the population', judged: true },
  'change-records': { title: 'Changes as the board, models, an ITSM and emergencies let them pass', judged: true },
  emergencies: { title: 'Emergencies and bypasses', judged: true },
  access: { title: 'Who could approve, deploy or administer', judged: true },
  'later-violations': { title: 'Duties that were not separated, as was learned later', judged: true },
  log: { title: 'The signed log', judged: true },
  'rule-changes': { title: 'Changes to policies, boards, roles and who is who', judged: false },
  denials: { title: 'What was refused', judged: false },
  sample: { title: 'The sample', judged: false },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly judged: boolean }>>;

export type Section = keyof typeof SECTIONS;

/** What Plimsoll's log can show for a control: narrower than the control, and answered without a rest. */
export interface Objective {
  /** Unique among all frameworks; an OSCAL token. */
  readonly id: string;
  /** A sentence that is true where all evidence is. */
  readonly statement: string;
  readonly questions: readonly ControlQuestion[];
  readonly sections: readonly Section[];
  /** Ids of objectives in the framework's own catalogue that this one is part of; empty where there is no catalogue. */
  readonly supports: readonly string[];
}

export interface Control {
  /** An OSCAL token: of the framework's own catalogue where there is one. */
  readonly id: string;
  /** As the framework writes it: `CM-3`. */
  readonly label: string;
  readonly title: string;
  readonly objectives: readonly Objective[];
  /** What the control asks for and this report can't show; never empty. */
  readonly notCovered: readonly string[];
}

/** Which parts of a report are evidence for which controls, and what of the controls they are not. */
export interface Framework {
  /** Kebab-case, with dots: it is asked for by this id. */
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /** Where the framework's own text is. */
  readonly source: string;
  /** An OSCAL catalogue that has the controls' ids. */
  readonly catalog?: string;
  readonly note?: string;
  readonly controls: readonly Control[];
}

/** A mapping is not as it must be: everything that is wrong with it, each with its place. */
export class MalformedFramework extends Error {
  override readonly name = 'MalformedFramework';
  constructor(
    readonly where: string,
    readonly problems: readonly string[],
  ) {
    super(`${where}: ${problems.join(' ')}`);
  }
}

/** Of OSCAL (1.2, TokenDatatype), in ASCII. */
const TOKEN = /^[A-Za-z_][A-Za-z0-9._-]{0,99}$/;
const FRAMEWORK_ID = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const MOST_TEXT = 1000;
const MOST_ITEMS = 200;

/**
 * Reads a mapping, as JSON.parse gives it. Whatever is not known is refused: a question that is misspelt would be one that nobody asks.
 *
 * @param where what it is called in an error, such as its file
 * @throws MalformedFramework
 */
export function parseFramework(value: unknown, where: string): Framework {
  const problems: string[] = [];
  const framework = readFramework(new Reader(value, '', problems));
  const ids = framework.controls.flatMap((control) => [control.id, ...control.objectives.map(({ id }) => id)]);
  for (const id of repeated(ids)) problems.push(`The id ${id} is there twice.`);
  if (problems.length > 0) throw new MalformedFramework(where, problems);
  return framework;
}

/**
 * Puts mappings together, sorted by id.
 *
 * @throws MalformedFramework an id of a framework or of an objective is there twice
 */
export function frameworkSet(frameworks: readonly Framework[]): readonly Framework[] {
  const ids = [
    ...frameworks.map(({ id }) => id),
    ...frameworks.flatMap((f) => f.controls.flatMap((c) => c.objectives.map(({ id }) => id))),
  ];
  const twice = repeated(ids);
  if (twice.length > 0)
    throw new MalformedFramework(
      'frameworks',
      twice.map((id) => `The id ${id} is there twice.`),
    );
  return [...frameworks].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function repeated(ids: readonly string[]): readonly string[] {
  return [...new Set(ids.filter((id, i) => ids.indexOf(id) !== i))];
}

function readFramework(reader: Reader): Framework {
  const optional = { ...reader.optionalText('catalog'), ...reader.optionalText('note') };
  const framework: Framework = {
    id: reader.text('id', FRAMEWORK_ID),
    title: reader.text('title'),
    version: reader.text('version'),
    source: reader.text('source', /^https:\/\/\S+$/),
    ...optional,
    controls: reader.list('controls').map(readControl),
  };
  reader.nothingElse();
  return framework;
}

function readControl(reader: Reader): Control {
  const control: Control = {
    id: reader.text('id', TOKEN),
    label: reader.text('label'),
    title: reader.text('title'),
    objectives: reader.list('objectives').map(readObjective),
    notCovered: reader.texts('notCovered', 1),
  };
  reader.nothingElse();
  return control;
}

function readObjective(reader: Reader): Objective {
  const objective: Objective = {
    id: reader.text('id', TOKEN),
    statement: reader.text('statement'),
    questions: reader.oneOfEach('questions', Object.keys(CONTROL_QUESTIONS) as ControlQuestion[]),
    sections: reader.oneOfEach('sections', Object.keys(SECTIONS) as Section[]),
    supports: reader.texts('supports', 0, TOKEN),
  };
  if (objective.questions.length + objective.sections.length === 0) reader.wrong('', 'rests on no evidence.');
  reader.nothingElse();
  return objective;
}

/** Reads members of an object, and notes what is wrong instead of stopping at the first. */
class Reader {
  private readonly read = new Set<string>();
  private readonly members: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly path: string,
    private readonly problems: string[],
  ) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) this.wrong('', 'must be an object.');
    this.members = isObject ? (value as Record<string, unknown>) : {};
  }

  wrong(name: string, what: string): void {
    this.problems.push(`${[this.path, name].filter(Boolean).join('.') || 'It'} ${what}`);
  }

  text(name: string, pattern?: RegExp): string {
    const value = this.member(name);
    if (isText(value, pattern)) return value;
    this.wrong(name, `must be a text of 1 to ${MOST_TEXT} characters${pattern ? ` that matches ${pattern.source}` : ''}.`);
    return '';
  }

  optionalText<N extends string>(name: N): { readonly [K in N]?: string } {
    return this.member(name) === undefined ? {} : ({ [name]: this.text(name) } as { readonly [K in N]?: string });
  }

  texts(name: string, least: number, pattern?: RegExp): readonly string[] {
    const value = this.member(name) ?? [];
    if (Array.isArray(value) && value.length >= least && value.length <= MOST_ITEMS && value.every((item) => isText(item, pattern)))
      return value;
    this.wrong(name, `must be a list of ${least} to ${MOST_ITEMS} texts${pattern ? ` that match ${pattern.source}` : ''}.`);
    return [];
  }

  oneOfEach<T extends string>(name: string, known: readonly T[]): readonly T[] {
    const given = this.texts(name, 0);
    const unknown = given.filter((item) => !(known as readonly string[]).includes(item));
    if (unknown.length > 0) this.wrong(name, `names ${unknown.join(', ')}; known: ${known.join(', ')}.`);
    for (const item of repeated(given)) this.wrong(name, `names ${item} twice.`);
    return given as readonly T[];
  }

  list(name: string): readonly Reader[] {
    const value = this.member(name);
    if (Array.isArray(value) && value.length > 0 && value.length <= MOST_ITEMS)
      return value.map((item, i) => new Reader(item, [this.path, `${name}[${i}]`].filter(Boolean).join('.'), this.problems));
    this.wrong(name, `must be a list of 1 to ${MOST_ITEMS}.`);
    return [];
  }

  nothingElse(): void {
    for (const name of Object.keys(this.members)) if (!this.read.has(name)) this.wrong(name, 'is not known.');
  }

  private member(name: string): unknown {
    this.read.add(name);
    return Object.hasOwn(this.members, name) ? this.members[name] : undefined;
  }
}

function isText(value: unknown, pattern?: RegExp): value is string {
  return typeof value === 'string' && value.trim().length > 0 && value.length <= MOST_TEXT && (!pattern || pattern.test(value));
}
