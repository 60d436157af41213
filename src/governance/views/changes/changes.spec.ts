import type { ChangeEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { CHANGE, dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';
import { history } from '../../../../test/support/history.ts';
import { changes } from './changes.projection.ts';

const dossier = dossierOf(releaseFacts(), { board: { boardId: 'cab', version: 1 } });
const submitted = submittedWith(dossier);
const { dossierHash } = submitted.data;
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const vote = (person: string): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: 'for', dossierHash, conditions: [] },
});
const decided = (outcome: 'approved' | 'deferred', meeting?: { startsAt: string; cutoffAt: string }): ChangeEvent => ({
  type: 'ChangeDecided',
  data: {
    ...of,
    outcome,
    by: 'board',
    dossierHash,
    recused: [],
    conditions: [],
    conflicts: [],
    inputs: [],
    ...(meeting ? { meeting } : {}),
  },
});
const implemented = (outcome: 'succeeded' | 'failed' | 'rolled-back'): ChangeEvent => ({
  type: 'ChangeImplemented',
  data: { ...of, deploymentId: 'd1', outcome },
});
const after = (...events: readonly ChangeEvent[]) =>
  foldView(changes, history(events.map((event) => ({ stream: `change-${CHANGE}`, event })))).get(CHANGE);

describe('the view of changes', () => {
  it('shows what is planned, what it is decided on, and by whom', () => {
    expect(after(submitted)).toMatchObject({
      status: 'open',
      change_class: 'normal',
      board_id: 'cab',
      meeting_at: '2026-03-04T13:00:00.000Z',
      dossier_hash: dossierHash,
    });
    expect(after(submitted, vote('anna'), vote('otto'), decided('approved'))).toMatchObject({
      status: 'approved',
      decided_by: 'board',
      votes: [{ person: 'anna' }, { person: 'otto' }],
    });
  });

  it('puts what was deferred on the agenda of the next meeting, without votes', () => {
    const next = { startsAt: '2026-03-11T13:00:00.000Z', cutoffAt: '2026-03-10T13:00:00.000Z' };
    expect(after(submitted, vote('anna'), decided('deferred', next))).toMatchObject({
      status: 'deferred',
      votes: [],
      meeting_at: next.startsAt,
      cutoff_at: next.cutoffAt,
    });
  });

  it('shows what became of it, also when it was rolled back afterwards', () => {
    expect(after(submitted, decided('approved'), implemented('failed'))).toMatchObject({
      status: 'approved',
      deployments: [{ outcome: 'failed' }],
    });
    expect(after(submitted, decided('approved'), implemented('succeeded'))?.status).toBe('done');
    expect(after(submitted, decided('approved'), implemented('succeeded'), implemented('rolled-back'))).toMatchObject({
      status: 'rolled-back',
      deployments: [{ outcome: 'rolled-back' }],
    });
  });

  it('begins anew with another round, and has no row for what was never submitted', () => {
    const second = submittedWith({ ...dossier, round: 2 });
    expect(after(submitted, vote('anna'), second)).toMatchObject({ round: 2, votes: [] });
    expect(after(vote('anna'))).toBeUndefined();
  });
});
