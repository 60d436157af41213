import { changeId, type BoardContents, type ChangeDossier, type ChangeEvent, type ModelContents } from '#libs/contracts';
import { change, contentsOf, dossierHashOf, scheduledOf, type ChangeFacts, type GateFacts, type ModelVersion } from '#libs/policy';
import { gateFacts } from './index.ts';

export const CHANGE = changeId('release-1', 'production');

/** A board that meets on Wednesdays at 14:00 in Zurich; three of five decide, chaired by cora. */
export const boardContents: BoardContents = {
  title: 'Change advisory board',
  group: 'cab',
  quorum: 2,
  chair: 'cora',
  meetings: {
    zone: 'Europe/Zurich',
    window: { kind: 'recurring', start: '2026-01-07T14:00', durationMinutes: 60, rule: 'FREQ=WEEKLY;BYDAY=WE' },
  },
  cutoffHours: 24,
};

export const modelContents: ModelContents = {
  title: 'Patch of the shop',
  boardId: 'cab',
  conditions: { products: ['shop'], actions: ['exec:switch'] },
  validFrom: '2026-03-01T00:00:00.000Z',
  validUntil: '2026-09-01T00:00:00.000Z',
};

/** A version of a model that the board has approved; override what a test is about. */
export function modelVersion(overrides: Partial<ModelVersion> = {}): ModelVersion {
  return {
    ...modelContents,
    version: 1,
    contentsHash: 'c'.repeat(64),
    proposer: 'rita',
    status: 'approved',
    votes: [],
    recused: [],
    used: [],
    noted: [],
    ...overrides,
  };
}

/** Facts of a release whose policy asks for a change: written by ada, tested by tess. */
export function releaseFacts(overrides: Partial<GateFacts> = {}): GateFacts {
  const base = gateFacts();
  return gateFacts({ policy: { ...base.policy, gates: [{ gate: 'change-approved' }] }, ...overrides });
}

/** A dossier that is true of the facts; override what a test is about. */
export function dossierOf(facts: GateFacts, overrides: Partial<ChangeDossier> = {}): ChangeDossier {
  return {
    schema: 'plimsoll.change-dossier.v1',
    changeId: CHANGE,
    round: 1,
    class: facts.plan?.changeClass ?? 'normal',
    title: 'Shop 1.0.0',
    justification: 'The new checkout.',
    risk: { level: 'medium', assessment: 'Payments could fail.' },
    backout: 'Roll back.',
    window: { from: '2026-03-02T09:00:00.000Z', until: '2026-03-02T12:00:00.000Z' },
    dependsOn: [],
    requester: 'rita',
    contents: contentsOf(facts),
    conflicts: [],
    ...overrides,
  };
}

/** The event that submits a dossier; by the board unless told. */
export function submittedWith(
  dossier: ChangeDossier,
  overrides: Partial<Extract<ChangeEvent, { type: 'ChangeSubmitted' }>['data']> = {},
): Extract<ChangeEvent, { type: 'ChangeSubmitted' }> {
  return {
    type: 'ChangeSubmitted',
    data: {
      changeId: CHANGE,
      releaseId: 'release-1',
      environment: 'production',
      round: dossier.round,
      product: 'shop',
      class: dossier.class,
      reasons: [],
      route: 'board',
      dossier,
      dossierHash: dossierHashOf(dossier),
      requester: dossier.requester,
      submittedAt: '2026-03-02T08:00:00.000Z',
      meeting: { startsAt: '2026-03-04T13:00:00.000Z', cutoffAt: '2026-03-03T13:00:00.000Z' },
      inputs: [],
      ...overrides,
    },
  };
}

/** The facts of a gate with a change as its events have made it, before a board of anna, otto, cora, ada and tess. */
export function withChange(facts: GateFacts, events: readonly ChangeEvent[], overrides: Partial<ChangeFacts> = {}): GateFacts {
  const state = events.reduce(change.evolve, change.initial);
  const { dossier } = state;
  return {
    ...facts,
    change: {
      id: CHANGE,
      change: state,
      board: { version: 1, contents: boardContents },
      members: ['ada', 'anna', 'cora', 'otto', 'tess'],
      ...(dossier ? { planned: [{ ...scheduledOf(dossier), round: state.round }] } : {}),
      ...overrides,
    },
    refs: { ...facts.refs, change: { change: `change-${CHANGE}@${events.length - 1}`, board: 'board-cab@0' } },
  };
}
