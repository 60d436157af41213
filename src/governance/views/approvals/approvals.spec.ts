import type { PlimsollEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { APPROVAL, ENVIRONMENT, RELEASE, story, storyUntil, tuple, tupleHash, type Told } from '../../../../test/support/story.ts';
import { approvals } from './approvals.projection.ts';
import type { ApprovalRow } from './approvals.row.ts';

const until = (type: PlimsollEvent['type'], nth?: number): ApprovalRow | undefined =>
  foldView(approvals, storyUntil(type, nth)).get(APPROVAL);
const stream = `approval-${APPROVAL}`;
const of = { approvalId: APPROVAL, releaseId: RELEASE, environment: ENVIRONMENT, round: 1 };
const after = (...more: readonly Told[]): ApprovalRow | undefined =>
  foldView(approvals, history([...story.slice(0, storyUntil('ApprovalGranted').length), ...more])).get(APPROVAL);

describe('The approvals', () => {
  it('show what is asked for, of whom it needs how many, and until when', () => {
    expect(until('ApprovalRequested')).toEqual({
      approval_id: APPROVAL,
      release_id: RELEASE,
      environment: ENVIRONMENT,
      round: 1,
      tuple,
      tuple_hash: tupleHash,
      quorum: 2,
      quorum_groups: null,
      requester: 'person-rita',
      votes: [],
      outcome: 'open',
      voided_because: null,
      requested_at: '2026-03-02T10:00:07.000Z',
      expires_at: tuple.expiresAt,
    });
  });

  it('are approved when as many persons as it takes have granted them, and not before', () => {
    expect(until('ApprovalGranted', 1)).toMatchObject({
      outcome: 'open',
      votes: [{ person: 'person-abe', vote: 'granted', at: '2026-03-02T10:00:08.000Z', comment: 'Looks right.' }],
    });
    expect(until('ApprovalGranted', 2)).toMatchObject({ outcome: 'approved', votes: [{}, { person: 'person-bea', vote: 'granted' }] });
    const again: Told = { stream, event: { type: 'ApprovalGranted', data: { ...of, person: 'person-abe', tupleHash } } };
    expect(after(again)?.outcome).toBe('open');
  });

  it('show a rejection with its reason, and what voided them', () => {
    const rejected: Told = {
      stream,
      event: { type: 'ApprovalRejected', data: { ...of, person: 'person-bea', tupleHash, reason: 'Too late.' } },
    };
    expect(after(rejected)).toMatchObject({ outcome: 'rejected', votes: [{}, { vote: 'rejected', reason: 'Too late.' }] });
    const voided: Told = { stream, event: { type: 'ApprovalVoided', data: { ...of, reason: 'The plan has changed.' } } };
    expect(after(voided)).toMatchObject({ outcome: 'voided', voided_because: 'The plan has changed.' });
    const expired: Told = { stream, event: { type: 'ApprovalVoided', data: { ...of, reason: 'It expired.', because: 'expired' } } };
    expect(after(expired)).toMatchObject({ outcome: 'expired', voided_because: 'It expired.' });
  });

  it('begin anew with a new round, in which votes of the older one do not count', () => {
    const requested: Told = {
      stream,
      event: { type: 'ApprovalRequested', data: { ...of, round: 2, tuple, tupleHash, quorum: 1, requester: 'person-rita' } },
    };
    const late: Told = { stream, event: { type: 'ApprovalGranted', data: { ...of, person: 'person-bea', tupleHash } } };
    expect(after(requested, late)).toMatchObject({ round: 2, outcome: 'open', votes: [] });
  });
});
