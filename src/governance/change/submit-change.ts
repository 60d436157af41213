import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, IsOptional, IsUUID, Matches, MaxLength } from 'class-validator';
import { changeId as changeIdOf, SAYS_SOMETHING, type ChangeDossier, type ChangeEvent, type PlannedWindow } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import {
  change,
  classify,
  compareRisk,
  conflictsNow,
  contentsOf,
  dossierHashOf,
  nextMeeting,
  readChangeFacts,
  readGateFacts,
  scheduledOf,
  type Change,
  type ChangeEvidence,
  type ChangeFacts,
  type GateFacts,
} from '#libs/policy';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const HOUR_MS = 3_600_000;
const LONGEST_WINDOW_MS = 7 * 24 * HOUR_MS;
const FURTHEST_MS = 366 * 24 * HOUR_MS;
/** An emergency is reviewed three days after it was submitted at the latest. */
const REVIEW_MS = 72 * HOUR_MS;

export class SubmitChange {
  @IsUUID() releaseId: string;
  @Matches(SLUG, { message: 'environment must be the name of an environment' }) environment: string;
  @Matches(SAYS_SOMETHING, { message: 'title must say something' }) @MaxLength(200) title: string;
  @Matches(SAYS_SOMETHING, { message: 'justification must say why' }) @MaxLength(4000) justification: string;
  @IsIn(['low', 'medium', 'high']) riskLevel: 'low' | 'medium' | 'high';
  @Matches(SAYS_SOMETHING, { message: 'riskAssessment must say what could go wrong' }) @MaxLength(4000) riskAssessment: string;
  @Matches(SAYS_SOMETHING, { message: 'backout must say how it is undone' }) @MaxLength(4000) backout: string;
  /** The planned window, half-open; at most seven days. */
  @IsInstant() from: string;
  @IsInstant() until: string;
  /** Changes that have to be done before. */
  @IsOptional() @IsArray() @ArrayMaxSize(20) @ArrayUnique() @IsUUID(undefined, { each: true }) dependsOn?: string[];
  /** The board that decides; a normal change has one. */
  @IsOptional() @Matches(SLUG, { message: 'boardId must be the name of a board' }) boardId?: string;
  /** Evidence of a standard change. */
  @IsOptional() @Matches(SLUG, { message: 'modelId must be the name of a change model' }) modelId?: string;
  /** Evidence of an emergency: an incident that is open in the environment … */
  @IsOptional() @IsUUID() incidentId?: string;
  /** … or a bypass for exactly this. */
  @IsOptional() @IsUUID() bypassId?: string;
}

export interface SubmitFacts {
  readonly gates: GateFacts;
  readonly evidence: ChangeFacts;
  /** `stream@revision` of what the evidence was read from, by stream. */
  readonly refs: Readonly<Record<string, string>>;
}

/**
 * Freezes the dossier of what is planned now, and says by whom it is decided. Its class is what the plan claims and evidence bears; a claim
 * without evidence is refused. The same again while it is open is the same submission; anything else begins a new round.
 */
export function submitChange(command: Issued<SubmitChange>, state: Change, { gates, evidence, refs }: SubmitFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, releaseId, environment } = command;
  const missing = notReady(command, gates);
  if (missing) return missing;
  const understated = understates(command, gates);
  if (understated) return understated;
  const window = windowOf(command, meta.now);
  if ('refused' in window) return window;
  if (command.dependsOn?.includes(changeId)) return refuse('meaning', 'depends-on-itself', 'A change does not depend on itself.');

  const named = evidenceNamed(command);
  const contents = contentsOf(gates);
  const planned = gates.plan?.changeClass ?? 'normal';
  const circle = (evidence.dependsOn ?? []).find((d) => d.circle !== undefined);
  if (circle?.circle)
    return refuse(
      'conflict',
      'depends-in-a-circle',
      `Each of these changes would wait for the next, and none could be the first: ${[changeId, ...circle.circle, changeId].join(' → ')}.`,
    );
  const conflicts = conflictsNow(gates, evidence, scheduledOf({ changeId, contents, window }), planned, command.boardId);
  const classed = classify(gates, evidence, named, conflicts, meta.now, refs);
  if ('refused' in classed) return classed;
  const { version: boardVersion = 0, contents: board } = evidence.board ?? {};
  if (command.boardId !== undefined && !board) return refuse('not-found', 'board-unknown', `There is no board ${command.boardId}.`);
  if (classed.class === 'normal' && !board)
    return refuse('meaning', 'board-missing', 'A normal change is decided on by a board: name it in boardId.');
  const meeting = classed.class === 'normal' && board ? nextMeeting(board, meta.now) : undefined;
  if (classed.class === 'normal' && !meeting)
    return refuse('conflict', 'board-never-meets', `Board ${command.boardId ?? ''} has no meeting to come within 24 months.`);

  const model = evidence.model?.versions.findLast((v) => v.status === 'approved');
  const dossier = (round: number): ChangeDossier => ({
    schema: 'plimsoll.change-dossier.v1',
    changeId,
    round,
    class: classed.class,
    title: command.title,
    justification: command.justification,
    risk: { level: command.riskLevel, assessment: command.riskAssessment },
    backout: command.backout,
    window,
    dependsOn: [...(command.dependsOn ?? [])].sort(),
    requester: meta.actor.person,
    contents,
    conflicts,
    ...(command.boardId !== undefined ? { board: { boardId: command.boardId, version: boardVersion } } : {}),
    ...(classed.class === 'standard' && model ? { model: { modelId: command.modelId ?? '', version: model.version } } : {}),
    ...(command.incidentId !== undefined ? { incidentId: command.incidentId } : {}),
    ...(command.bypassId !== undefined ? { bypassId: command.bypassId } : {}),
  });
  const stands = state.status === 'open' || state.status === 'approved';
  if (stands && dossierHashOf(dossier(state.round)) === state.dossierHash) return [];
  const frozen = dossier(state.round + 1);
  const itsm = classed.class === 'normal' ? board?.itsm : undefined;
  const takesOver = itsm?.whenAway === 'board' ? later(meta.now, itsm.afterMinutes * 60_000) : undefined;
  return [
    {
      type: 'ChangeSubmitted',
      data: {
        changeId,
        releaseId,
        environment,
        round: frozen.round,
        product: contents.product,
        class: classed.class,
        reasons: classed.reasons,
        route: classed.class === 'standard' ? 'model' : classed.class === 'emergency' ? 'emergency' : itsm ? 'itsm' : 'board',
        dossier: frozen,
        dossierHash: dossierHashOf(frozen),
        requester: meta.actor.person,
        submittedAt: meta.now,
        ...(meeting ? { meeting } : {}),
        ...(takesOver ? { boardTakesOverAt: takesOver } : {}),
        ...(classed.class === 'emergency' ? { reviewDueAt: later(meta.now, REVIEW_MS) } : {}),
        inputs: inputsOf(gates, refs),
      },
    },
  ];
}

function notReady({ releaseId, environment }: SubmitChange, gates: GateFacts): Refusal | undefined {
  if (!gates.product) return refuse('not-found', 'release-unknown', `There is no release ${releaseId}.`);
  if (!gates.environmentClass) return refuse('not-found', 'environment-unknown', `There is no environment ${environment}.`);
  if (!gates.plan)
    return refuse('conflict', 'not-planned', `Release ${releaseId} has no plan for ${environment}: plan it first, a change is of a plan.`);
  if (gates.policy.version === 0) return refuse('conflict', 'no-policy', `Policy ${gates.policy.id} of ${environment} is not published.`);
  if (!gates.change)
    return refuse(
      'conflict',
      'change-not-needed',
      `Policy ${gates.policy.id} does not ask for the gate change-approved for this in ${environment}, and its plan claims no class that a change would bear.`,
    );
  return undefined;
}

/** A board is told of no less risk than the gates judge. */
function understates({ riskLevel }: Pick<SubmitChange, 'riskLevel'>, { risk, refs }: GateFacts): Refusal | undefined {
  if (!risk || compareRisk(riskLevel, risk.effective) >= 0) return undefined;
  return refuse('meaning', 'risk-understated', `You say that the risk is ${riskLevel}; it is judged as ${risk.effective}. ${risk.detail}`, [
    {
      code: 'risk-understated',
      detail: risk.detail,
      evidence: [refs.release, refs.environment, refs.policy].sort(),
      unblockedBy:
        risk.declared === 'undeclared'
          ? `Plan the release with a riskClass, or say ${risk.effective}.`
          : `Say ${risk.effective}${risk.declared === risk.effective ? ', or plan the release with another riskClass' : ''}.`,
    },
  ]);
}

function windowOf({ from, until }: Pick<SubmitChange, 'from' | 'until'>, now: string): PlannedWindow | Refusal {
  const window = parsedWindow(from, until);
  const wrong = (detail: string): Refusal => refuse('meaning', 'window-invalid', detail);
  if (!window || window.until <= window.from) return wrong('until must be after from.');
  if (Date.parse(window.until) - Date.parse(window.from) > LONGEST_WINDOW_MS) return wrong('A planned window lasts seven days at most.');
  if (window.until <= now) return wrong(`The window is over: it is ${now}.`);
  return Date.parse(window.from) - Date.parse(now) > FURTHEST_MS ? wrong('A window begins within a year.') : window;
}

function parsedWindow(from: string, until: string): PlannedWindow | undefined {
  const [begin, end] = [Date.parse(from), Date.parse(until)];
  return Number.isNaN(begin) || Number.isNaN(end) ? undefined : { from: new Date(begin).toISOString(), until: new Date(end).toISOString() };
}

function evidenceNamed({ from, until, boardId, modelId, incidentId, bypassId, dependsOn }: SubmitChange): ChangeEvidence {
  const window = parsedWindow(from, until);
  const short = window && Date.parse(window.until) - Date.parse(window.from) <= LONGEST_WINDOW_MS && window.from < window.until;
  return {
    ...(boardId === undefined ? {} : { boardId }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(incidentId === undefined ? {} : { incidentId }),
    ...(bypassId === undefined ? {} : { bypassId }),
    // What is refused anyway is not worth reading for.
    ...(short ? { window } : {}),
    dependsOn: dependsOn ?? [],
  };
}

/** `stream@revision` of everything that a decision on a change rests on, sorted. */
export function inputsOf(gates: GateFacts, refs: Readonly<Record<string, string>>): readonly string[] {
  const all = [
    ...Object.values(gates.refs).flatMap((ref) => (typeof ref === 'string' ? [ref] : Object.values(ref))),
    ...Object.values(refs),
  ];
  return [...new Set(all)].sort();
}

function later(now: string, ms: number): string {
  return new Date(Date.parse(now) + ms).toISOString();
}

export const submitChangeCommand = defineCommand({
  type: SubmitChange,
  personal: ['title', 'justification', 'riskAssessment', 'backout'],
  aggregate: change,
  decide: submitChange,
  facts: async (read, command): Promise<SubmitFacts> => {
    const gates = await readGateFacts(read, command.releaseId, command.environment, command.meta.now);
    const { releaseId, environment } = command;
    const place = { releaseId, environment, ...(gates.product ? { product: gates.product } : {}) };
    const { change: evidence, refs } = await readChangeFacts(read, place, evidenceNamed(command));
    return { gates, evidence, refs };
  },
  governed: ({ releaseId, environment }) => ({ releaseId, environment, changeId: changeIdOf(releaseId, environment) }),
});
