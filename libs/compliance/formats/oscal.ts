import { createHash } from 'node:crypto';
import { derivedId } from '#libs/event-sourcing';
import { assess, sectionFindings, STATUSES, type AssessedFramework, type AssessedObjective, type ObjectiveStatus } from '../assess.ts';
import { SECTIONS, type Control, type Framework, type Section } from '../framework.ts';
import { CONTROL_QUESTIONS, type Change, type ComplianceReport, type ControlQuestion } from '../report.ts';
import { plainText } from '../text.ts';
import { markup, plain } from './oscal-text.ts';
import { jsonBits, type LazyJson } from './pieces.ts';
import { SHORT_TITLES, worstOf } from './questions.ts';

/** The version of OSCAL that is written. */
export const OSCAL_VERSION = '1.2.2';
/** Of the properties that are ours. */
const NAMESPACE = 'https://plimsoll.dev/ns/oscal';
/** Changes of an observation whose reasons are told in the document; the others are its subjects all the same. */
const MOST_EVIDENCE = 200;

export interface OscalOptions {
  /** SHA-256 (hex) of the report's JSON. */
  readonly digest: string;
  /** At least one: what is assessed are controls. */
  readonly frameworks: readonly Framework[];
  /** Where the assessment plan is, an address or a relative one; there is a resource that says so where there is none. */
  readonly assessmentPlan?: string;
}

type Members = { readonly [name: string]: LazyJson };

/**
 * The report as assessment results (OSCAL 1.2, JSON), in bits: one result for each framework; an observation for each question and section that
 * is evidence, with the changes it is about as subjects; a finding for each objective that could be judged, and a risk where it is not
 * satisfied. Satisfied means that every change answered yes; exceptions are left to the assessor as not satisfied, for the reason `other`.
 * The same report and options give the same bytes: ids are UUIDv5, times are the log's.
 *
 * @throws Error without a framework
 */
export function oscalResults(report: ComplianceReport, options: OscalOptions): Generator<string> {
  if (options.frameworks.length === 0) throw new Error('Assessment results are of controls: name a framework.');
  return jsonBits(new Document(report, options).content());
}

class Document {
  private readonly id: string;
  private readonly reportId: string;
  private readonly checkpointId: string;
  private readonly collected: string;

  constructor(
    private readonly report: ComplianceReport,
    private readonly options: OscalOptions,
  ) {
    const { digest, frameworks, assessmentPlan } = options;
    // Whatever can make another document makes another id: the mappings are data, and may be edited.
    const mappings = createHash('sha256').update(JSON.stringify(frameworks)).digest('hex');
    this.id = derivedId('oscal', 'assessment-results', OSCAL_VERSION, report.engine, digest, mappings, assessmentPlan ?? '');
    this.reportId = this.part('report');
    this.checkpointId = this.part('checkpoint');
    this.collected = report.log.lastRecordedAt ?? report.query.to;
  }

  content(): LazyJson {
    const { report, options } = this;
    const assessed = options.frameworks.map((framework) => assess(report, framework));
    return {
      'assessment-results': {
        uuid: this.id,
        metadata: this.metadata(),
        'import-ap': this.plan(),
        'local-definitions': { 'objectives-and-methods': options.frameworks.flatMap((f) => f.controls.map((c) => this.objectives(f, c))) },
        results: assessed.map((framework) => this.result(framework)),
        'back-matter': { resources: this.resources() },
      },
    };
  }

  private metadata(): LazyJson {
    const { query, engine } = this.report;
    return {
      title: `Changes to governed environments, ${query.from} to before ${query.to}`,
      // No clock: a document that is made again is the same document.
      'last-modified': this.collected,
      version: this.options.digest,
      'oscal-version': OSCAL_VERSION,
      props: [property('engine', engine), property('report-sha-256', this.options.digest)],
      remarks:
        'Computed by Plimsoll from its event log alone, and not by an assessor. Relative addresses are those of the Plimsoll that made it; plimsoll-audit makes the same report offline.',
    };
  }

  private plan(): LazyJson {
    const { assessmentPlan } = this.options;
    return assessmentPlan === undefined
      ? {
          href: `#${this.part('no-plan')}`,
          remarks: 'No assessment plan was named. The resource says what was done without one; it is no plan.',
        }
      : { href: assessmentPlan };
  }

  private objectives(framework: Framework, { id, title, objectives, notCovered }: Control): LazyJson {
    return {
      'control-id': id,
      description: `What Plimsoll’s log can show for ${markup(title)} (${markup(framework.title)}).`,
      remarks: `Not covered: ${notCovered.map(markup).join(' ')}`,
      parts: objectives.map((objective) => ({
        id: objective.id,
        name: 'objective',
        prose: markup(objective.statement),
        ...(objective.supports.length > 0 && { props: objective.supports.map((name) => property('part-of-objective', name)) }),
      })),
    };
  }

  private result(assessed: AssessedFramework): LazyJson {
    const { framework, controls } = assessed;
    const { query } = this.report;
    const objectives = controls.flatMap((control) => control.objectives);
    const questions = unique(objectives.flatMap(({ objective }) => objective.questions));
    const sections = unique(objectives.flatMap(({ objective }) => objective.sections));
    const judgedOnes = controls.flatMap(({ control, objectives: list }) =>
      list.filter(({ status }) => status in STATES).map((objective) => ({ control, objective })),
    );
    const risks = judgedOnes.filter(({ objective }) => objective.status !== 'met');
    return {
      uuid: this.part('result', framework.id),
      title: markup(framework.title),
      description: `What the event log shows from ${query.from} to before ${query.to}, held against ${markup(framework.title)}, version ${markup(framework.version)}.`,
      start: query.from,
      end: query.to,
      props: [property('framework', framework.id), property('framework-version', framework.version)],
      links: [{ href: framework.source, rel: 'reference' }, ...(framework.catalog ? [{ href: framework.catalog, rel: 'catalog' }] : [])],
      'local-definitions': { 'assessment-assets': this.assets(framework) },
      'reviewed-controls': reviewed(assessed),
      observations: [
        ...questions.map((question) => this.questionObserved(framework, question)),
        ...sections.map((section) => this.sectionObserved(framework, section)),
      ],
      ...(risks.length > 0 && { risks: risks.map(({ objective }) => this.risk(framework, objective)) }),
      ...(judgedOnes.length > 0 && {
        findings: judgedOnes.map(({ control, objective }) => this.finding(framework, control, objective)),
      }),
    };
  }

  private assets(framework: Framework): LazyJson {
    const tool = this.toolOf(framework);
    const { engine, gateEngines, tzdata } = this.report;
    const component = {
      uuid: tool,
      type: 'software',
      title: markup(engine),
      description: 'Computes the report as a pure function of the log’s events.',
      props: [...gateEngines.map((gate) => property('gate-engine', gate)), ...tzdata.map((version) => property('tzdata', version))],
      status: { state: 'operational' },
    };
    const { props, ...bare } = component;
    return {
      components: [props.length > 0 ? component : bare],
      'assessment-platforms': [{ uuid: this.part('platform', framework.id), 'uses-components': [{ 'component-uuid': tool }] }],
    };
  }

  private questionObserved(framework: Framework, question: ControlQuestion): LazyJson {
    const { changes, summary } = this.report;
    const { yes, no, exception } = summary.byQuestion[question];
    const others = no + exception;
    return this.observation(framework, question, {
      title: SHORT_TITLES[question],
      description: `${CONTROL_QUESTIONS[question]} Of ${yes + others} changes ${yes} answer yes, ${exception} with an exception, ${no} no.`,
      methods: ['TEST'],
      types: no > 0 ? ['control-objective', 'finding'] : ['control-objective'],
      props: [property('yes', yes), property('exception', exception), property('no', no)],
      ...(others > 0 && { subjects: subjectsOf(changes, question) }),
      'relevant-evidence': this.evidenceOf(question),
      ...(others > MOST_EVIDENCE && {
        remarks: `The reasons of ${others - MOST_EVIDENCE} more changes are in the report, and in its table of exceptions (CSV).`,
      }),
    });
  }

  private *evidenceOf(question: ControlQuestion): Generator<LazyJson> {
    yield this.reportAsEvidence();
    let told = 0;
    for (const change of this.report.changes) {
      const { verdict, reason = '', evidence, unknowable } = change.verdicts[question];
      if (verdict === 'yes') continue;
      if (++told > MOST_EVIDENCE) return;
      yield {
        href: `#${changeId(change)}`,
        description: markup(`${change.id}: ${verdict}${unknowable ? ' (unknowable)' : ''}: ${reason}`),
        props: [property('verdict', verdict), ...evidence.map((place) => property('written-at', place))],
      };
    }
  }

  private sectionObserved(framework: Framework, section: Section): LazyJson {
    const { verdict, detail } = sectionFindings(this.report)[section];
    const { changes, sample } = this.report;
    const drawn = new Set(section === 'sample' ? sample?.changeIds : undefined);
    const subjects = section === 'population' ? changes : changes.filter(({ id }) => drawn.has(id));
    return this.observation(framework, section, {
      title: SECTIONS[section].title,
      description: markup(detail),
      methods: ['EXAMINE'],
      types: verdict === 'no' ? ['control-objective', 'finding'] : ['control-objective'],
      ...(verdict && { props: [property('verdict', verdict)] }),
      ...(subjects.length > 0 && { subjects: mapped(subjects, subjectOf) }),
      'relevant-evidence': [this.reportAsEvidence(), ...(section === 'log' ? this.checkpointAsEvidence() : [])],
    });
  }

  private observation(framework: Framework, of: string, members: Members): LazyJson {
    const { title, description, props, methods, types, subjects, remarks, ...rest } = members;
    return {
      uuid: this.part('observation', framework.id, of),
      title,
      description,
      props,
      methods,
      types,
      origins: this.origins(framework),
      subjects,
      ...rest,
      collected: this.collected,
      remarks,
    };
  }

  private finding(framework: Framework, control: Control, assessed: AssessedObjective): LazyJson {
    const { objective, status } = assessed;
    const { state, reason, remarks } = STATES[status as keyof typeof STATES];
    return {
      uuid: this.part('finding', objective.id),
      title: `${markup(control.label)}: ${markup(objective.id)}`,
      description: `${markup(objective.statement)} ${remarks}`,
      props: [property('status', status)],
      origins: this.origins(framework),
      target: {
        type: 'objective-id',
        'target-id': objective.id,
        description: markup(objective.statement),
        status: { state, reason, remarks },
      },
      'related-observations': this.observationsOf(framework, assessed),
      ...(status !== 'met' && { 'related-risks': [{ 'risk-uuid': this.part('risk', objective.id) }] }),
      remarks: `Not covered of ${markup(control.label)}: ${control.notCovered.map(markup).join(' ')}`,
    };
  }

  private risk(framework: Framework, assessed: AssessedObjective): LazyJson {
    const { objective, status, questions, sections } = assessed;
    const counts = questions
      .filter(({ tally }) => tally.no + tally.exception > 0)
      .map(({ question, tally }) => `${SHORT_TITLES[question]}: ${tally.no} no, ${tally.exception} exception.`);
    const found = sections.filter(({ verdict }) => verdict && verdict !== 'yes').map(({ detail }) => markup(detail));
    return {
      uuid: this.part('risk', objective.id),
      title: `Not shown: ${markup(objective.id)}`,
      description: [...counts, ...found].join(' '),
      statement: `It is not so, or can’t be shown to be so, that: ${markup(objective.statement)}`,
      props: [property('status', status)],
      status: status === 'not-met' ? 'open' : 'investigating',
      origins: this.origins(framework),
      'related-observations': this.observationsOf(framework, assessed),
    };
  }

  private observationsOf(framework: Framework, { objective }: AssessedObjective): LazyJson {
    return [...objective.questions, ...objective.sections].map((of) => ({
      'observation-uuid': this.part('observation', framework.id, of),
    }));
  }

  private origins(framework: Framework): LazyJson {
    return [{ actors: [{ type: 'tool', 'actor-uuid': this.toolOf(framework) }] }];
  }

  /** Each result defines the tool for itself. */
  private toolOf(framework: Framework): string {
    return this.part('tool', framework.id);
  }

  private reportAsEvidence(): LazyJson {
    return { href: `#${this.reportId}`, description: 'The whole report, with every change and every answer.' };
  }

  private checkpointAsEvidence(): readonly LazyJson[] {
    return this.report.log.checkpoint ? [{ href: `#${this.checkpointId}`, description: 'The signed checkpoint of the log.' }] : [];
  }

  private *resources(): Generator<LazyJson> {
    const { log, changes } = this.report;
    if (this.options.assessmentPlan === undefined) {
      yield {
        uuid: this.part('no-plan'),
        title: 'No assessment plan',
        description:
          'These results follow no assessment plan. What was done: every change in the log of the period, and every change that its environments reported, was asked the same questions; the answers were counted, and held against mappings of controls that come with Plimsoll.',
      };
    }
    yield {
      uuid: this.reportId,
      title: 'Compliance report',
      description: 'Canonical JSON (RFC 8785).',
      rlinks: [
        {
          href: reportAddress(this.report),
          'media-type': 'application/json',
          hashes: [{ algorithm: 'SHA-256', value: this.options.digest }],
        },
      ],
    };
    if (log.checkpoint) {
      const { origin, size, root } = log.checkpoint;
      yield {
        uuid: this.checkpointId,
        title: 'Signed checkpoint',
        description: 'C2SP tlog-checkpoint of the RFC 6962 tree of all events.',
        props: [property('origin', origin), property('tree-size', size), property('root-hash', root)],
        rlinks: [{ href: `/v1/ledger/checkpoints/${size}`, 'media-type': 'text/plain' }],
      };
    }
    for (const change of changes) yield changeResource(change, log.checkpoint?.size);
  }

  /** The id of a part of this document. */
  private part(...names: readonly string[]): string {
    return derivedId('oscal', this.id, ...names);
  }
}

/** What a status is as a finding; the others are none: nothing could be judged, and absence is not success. */
const STATES = {
  met: { state: 'satisfied', reason: 'pass', remarks: 'Every change of the period answered every question with yes.' },
  exceptions: {
    state: 'not-satisfied',
    reason: 'other',
    remarks:
      'Nothing was found to be wrong; there are exceptions that the log has a reason for, and the assessor judges whether they are good.',
  },
  'not-met': { state: 'not-satisfied', reason: 'fail', remarks: 'It was found not to be so, or could not be shown.' },
} as const satisfies Partial<Record<ObjectiveStatus, { state: string; reason: string; remarks: string }>>;

function reviewed({ framework, controls }: AssessedFramework): LazyJson {
  const without = (status: ObjectiveStatus): string | undefined =>
    status === 'nothing-to-test'
      ? 'No finding: nothing in the period could have shown it.'
      : status === 'for-the-assessor'
        ? 'No finding: there is material for the assessor, and no rule that could judge it.'
        : undefined;
  const byStatus = STATUSES.map((status) => ({
    status,
    count: controls.flatMap((c) => c.objectives).filter((o) => o.status === status).length,
  }));
  return {
    description: `Controls of ${markup(framework.title)}, as far as the log can show anything for them.`,
    props: byStatus.map(({ status, count }) => property(status, count)),
    'control-selections': [{ 'include-controls': controls.map(({ control }) => ({ 'control-id': control.id })) }],
    'control-objective-selections': [
      {
        description: 'The objectives of the local definitions.',
        'include-objectives': controls.flatMap(({ objectives }) =>
          objectives.map(({ objective, status }) => ({ 'objective-id': objective.id, remarks: without(status) })),
        ),
      },
    ],
  };
}

function* subjectsOf(changes: readonly Change[], question: ControlQuestion): Generator<LazyJson> {
  for (const change of changes) {
    const { verdict } = change.verdicts[question];
    if (verdict !== 'yes') yield { 'subject-uuid': changeId(change), type: 'resource', props: [property('verdict', verdict)] };
  }
}

function subjectOf(change: Change): LazyJson {
  return { 'subject-uuid': changeId(change), type: 'resource' };
}

function* mapped<T>(items: readonly T[], to: (item: T) => LazyJson): Generator<LazyJson> {
  for (const item of items) yield to(item);
}

function changeResource(change: Change, treeSize: number | undefined): LazyJson {
  const { release, kind, environment, outcome, started } = change;
  const what = release
    ? `${release.product ?? 'release'} ${release.version ?? release.releaseId}`
    : (change.observations[0]?.artifact ?? 'something');
  const proof = treeSize === undefined ? [] : [{ href: `/v1/ledger/inclusion-proof?sequence=${started.sequence}&treeSize=${treeSize}` }];
  const links = [
    ...(kind === 'observed' ? [] : [{ href: `/v1/deployments/deployments/${encodeURIComponent(plainText(change.id))}` }]),
    ...proof,
  ];
  return {
    uuid: changeId(change),
    title: markup(change.id),
    description: markup(`${kind} of ${what} to ${environment}: ${outcome}`),
    props: [
      property('kind', kind),
      property('environment', environment),
      property('outcome', outcome),
      property('change-class', change.changeClass),
      ...(change.claimedClass ? [property('claimed-class', change.claimedClass)] : []),
      ...(change.risk ? [property('risk-declared', change.risk.declared), property('risk-judged', change.risk.effective)] : []),
      ...change.approvals.flatMap(({ person, counted, lapsed = [] }) => [
        property(counted ? 'approval-counted' : 'approval-not-counted', person),
        ...lapsed.map(({ detail }) => property('approval-lapsed', detail)),
      ]),
      ...(change.changeRecord?.votesLapsed ?? []).map((detail) => property('vote-lapsed', detail)),
      property('started', started.at),
      property('written-at', started.ref),
      property('verdict', worstOf(change)),
    ],
    ...(links.length > 0 && { rlinks: links }),
  };
}

/** The same in every document: whoever compares two sees the same change. */
function changeId({ id, started }: Change): string {
  return derivedId('oscal', 'change', plainText(id), plainText(started.ref));
}

/** Where the report's JSON is. */
function reportAddress({ query, log }: ComplianceReport): string {
  const parameters = new URLSearchParams({ from: query.from, to: query.to });
  if (query.seed !== undefined) parameters.set('seed', query.seed);
  if (query.sample !== undefined) parameters.set('sample', String(query.sample));
  if (log.checkpoint) parameters.set('treeSize', String(log.checkpoint.size));
  return `/v1/governance/compliance-reports?${parameters.toString()}`;
}

function property(name: string, value: string | number): { readonly name: string; readonly ns: string; readonly value: string } {
  return { name, ns: NAMESPACE, value: plain(String(value)) };
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}
