import type { ChangeModelEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { changeModelList } from './change-models.projection.ts';

const of = (version: number) => ({ modelId: 'patch', version });
const hash = 'a'.repeat(64);
const proposed = (version: number): ChangeModelEvent => ({
  type: 'ChangeModelProposed',
  data: {
    ...of(version),
    title: `Patch ${version}`,
    boardId: 'cab',
    conditions: { testsPassed: true },
    validFrom: '2026-03-03T00:00:00.000Z',
    validUntil: '2026-09-03T00:00:00.000Z',
    contentsHash: hash,
    proposer: 'rita',
  },
});
const decided = (version: number, outcome: 'approved' | 'rejected'): ChangeModelEvent => ({
  type: 'ChangeModelDecided',
  data: { ...of(version), outcome, contentsHash: hash, tally: { for: 2, against: 0, abstain: 0 }, recused: [] } as never,
});
const used = (version: number, outcome: 'succeeded' | 'failed'): ChangeModelEvent => ({
  type: 'ChangeModelUsed',
  data: { ...of(version), changeId: 'c', deploymentId: 'd', outcome },
});
const suspended = (version: number): ChangeModelEvent => ({
  type: 'ChangeModelSuspended',
  data: { ...of(version), reason: 'A change under it failed.' },
});
const after = (...events: readonly ChangeModelEvent[]) =>
  foldView(changeModelList, history(events.map((event) => ({ stream: 'changemodel-patch', event })))).get('patch');

describe('The list of change models', () => {
  it('shows what is proposed to which board, and until when it would count', () => {
    expect(after(proposed(1))).toEqual({
      model_id: 'patch',
      title: 'Patch 1',
      version: 1,
      status: 'proposed',
      approved_version: null,
      board_id: 'cab',
      proposer: 'rita',
      valid_from: '2026-03-03T00:00:00.000Z',
      valid_until: '2026-09-03T00:00:00.000Z',
      used: 0,
      failed: 0,
      reason: null,
      updated_at: '2026-03-02T10:00:00.000Z',
    });
  });

  it('shows what the board decided, and that the version before counts until it has', () => {
    expect(after(proposed(1), decided(1, 'approved'))).toMatchObject({ status: 'approved', approved_version: 1 });
    const next = [proposed(1), decided(1, 'approved'), proposed(2)];
    expect(after(...next)).toMatchObject({ version: 2, status: 'proposed', approved_version: 1 });
    expect(after(...next, decided(2, 'rejected'))).toMatchObject({ status: 'rejected', approved_version: 1 });
    expect(after(...next, decided(2, 'approved'))).toMatchObject({ status: 'approved', approved_version: 2 });
  });

  it('shows how the changes under it went, and that none counts once it is suspended', () => {
    const failed = [proposed(1), decided(1, 'approved'), used(1, 'succeeded'), used(1, 'failed'), suspended(1)];
    expect(after(...failed)).toMatchObject({
      used: 2,
      failed: 1,
      status: 'suspended',
      approved_version: null,
      reason: 'A change under it failed.',
    });
    // The version before is suspended while another is proposed: that one stays what it is.
    expect(after(proposed(1), decided(1, 'approved'), proposed(2), suspended(1))).toMatchObject({
      status: 'proposed',
      approved_version: null,
      reason: null,
    });
  });
});
