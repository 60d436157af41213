import type { ChangeModelEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { changeModel, hashOf } from '#libs/policy';
import { boardContents, modelContents } from '#libs/policy/testing';
import { proposeChangeModel, ProposeChangeModel } from './propose-change-model.ts';
import { recordModelUse, RecordModelUse, suspendChangeModel, SuspendChangeModel } from './record-model-use.ts';
import { voteOnChangeModel, VoteOnChangeModel } from './vote-on-change-model.ts';

const models = scenario(changeModel);
const contentsHash = hashOf(modelContents);
const of = { modelId: 'patch', version: 1 };
const board = { board: { version: 1, contents: boardContents } };
const hands = { requesters: [], voters: {}, confirmers: {}, reviewers: [], persons: { now: {}, refs: [] }, left: [] };
const facts = { ...board, members: ['anna', 'cora', 'otto', 'rita'], hands };
const proposed: ChangeModelEvent = { type: 'ChangeModelProposed', data: { ...of, ...modelContents, contentsHash, proposer: 'rita' } };
const voted = (person: string): ChangeModelEvent => ({ type: 'ChangeModelVoteCast', data: { ...of, person, vote: 'for', contentsHash } });
const recused = [{ person: 'rita', reason: expect.stringMatching(/requester/) as string }];
const decided = (outcome: 'approved' | 'rejected'): ChangeModelEvent => ({
  type: 'ChangeModelDecided',
  data: { ...of, outcome, contentsHash, tally: { for: ['anna', 'otto'], against: [], abstain: [], quorum: 2 }, recused },
});
const approved = [proposed, voted('anna'), voted('otto'), decided('approved')];
const propose = (more: Partial<ProposeChangeModel> = {}) =>
  issued(
    ProposeChangeModel,
    { modelId: 'patch', ...modelContents, conditions: { products: ['shop'], actions: ['exec:switch'] }, ...more },
    'patch',
    { person: 'rita' },
  );
const vote = (person: string, how: VoteOnChangeModel['vote'] = 'for', hash = contentsHash) =>
  issued(VoteOnChangeModel, { contentsHash: hash, vote: how }, 'patch', { person });
const deployment = { changeId: 'change-1', deploymentId: '7b0f3a52-0000-5000-8000-000000000002' };
const use = (outcome: RecordModelUse['outcome']) => issued(RecordModelUse, { version: 1, ...deployment, outcome }, 'patch');

describe('a change model', () => {
  it('is proposed, and once; another one is another version', () => {
    models.given().when(proposeChangeModel, propose(), board).then(proposed);
    models.given(proposed).when(proposeChangeModel, propose(), board).thenNothing();
    models
      .given(...approved)
      .when(proposeChangeModel, propose(), board)
      .thenNothing();
    expect(models.given(proposed).when(proposeChangeModel, propose({ title: 'Wider' }), board).decision).toMatchObject([
      { data: { version: 2 } },
    ]);
  });

  it('says what it is for, and until when, within a year', () => {
    models
      .given()
      .when(proposeChangeModel, propose({ conditions: {} }), board)
      .thenRefused('model-without-conditions');
    models
      .given()
      .when(proposeChangeModel, propose({ conditions: { testsPassed: true, products: ['shop'] } }), board)
      .thenRefused('model-too-wide');
    models
      .given()
      .when(proposeChangeModel, propose({ conditions: { actions: ['exec:switch'] } }), board)
      .thenRefused('model-too-wide');
    models
      .given()
      .when(proposeChangeModel, propose({ validUntil: '2026-03-02T10:00:00.000Z' }), board)
      .thenRefused('validity-invalid');
    models
      .given()
      .when(proposeChangeModel, propose({ validUntil: '2027-03-03T00:00:00.000Z' }), board)
      .thenRefused('validity-invalid');
    models
      .given()
      .when(proposeChangeModel, propose(), { board: { version: 0 } })
      .thenRefused('board-unknown');
  });

  it('is approved by the quorum of the board, each once, and never by who proposed it', () => {
    models.given(proposed).when(voteOnChangeModel, vote('anna'), facts).then(voted('anna'));
    models.given(proposed, voted('anna')).when(voteOnChangeModel, vote('anna'), facts).thenNothing();
    models.given(proposed, voted('anna')).when(voteOnChangeModel, vote('anna', 'against'), facts).thenRefused('voted-already');
    models.given(proposed, voted('anna')).when(voteOnChangeModel, vote('otto'), facts).then(voted('otto'), decided('approved'));
    expect(models.given(proposed).when(voteOnChangeModel, vote('rita'), facts).thenRefused('recused').kind).toBe('duty');
    models.given(proposed).when(voteOnChangeModel, vote('zoe'), facts).thenRefused('not-a-member');
    models
      .given(...approved)
      .when(voteOnChangeModel, vote('otto'), facts)
      .thenNothing();
    models
      .given(...approved)
      .when(voteOnChangeModel, vote('cora'), facts)
      .thenRefused('model-decided');
  });

  it('is not approved by abstentions, nor on other contents than those that are there', () => {
    const abstained: ChangeModelEvent = { type: 'ChangeModelVoteCast', data: { ...of, person: 'anna', vote: 'abstain', contentsHash } };
    expect(models.given(proposed, abstained).when(voteOnChangeModel, vote('otto', 'abstain'), facts).decision).toMatchObject([
      {},
      { type: 'ChangeModelDecided', data: { outcome: 'rejected' } },
    ]);
    models
      .given(proposed)
      .when(voteOnChangeModel, vote('anna', 'for', 'd'.repeat(64)), facts)
      .thenRefused('model-changed');
    models.given().when(voteOnChangeModel, vote('anna'), facts).thenRefused('changemodel-unknown');
  });

  it('notes what became of a change under it, once, and is suspended by the first that failed or was rolled back', () => {
    const used = (outcome: RecordModelUse['outcome']): ChangeModelEvent => ({
      type: 'ChangeModelUsed',
      data: { ...of, ...deployment, outcome },
    });
    const suspended = expect.objectContaining({ type: 'ChangeModelSuspended' }) as ChangeModelEvent;
    models
      .given(...approved)
      .when(recordModelUse, use('succeeded'))
      .then(used('succeeded'));
    models
      .given(...approved, used('succeeded'))
      .when(recordModelUse, use('succeeded'))
      .thenNothing();
    models
      .given(...approved)
      .when(recordModelUse, use('failed'))
      .then(used('failed'), suspended);
    models
      .given(...approved, used('succeeded'))
      .when(recordModelUse, use('rolled-back'))
      .then(used('rolled-back'), suspended);
    const stopped: ChangeModelEvent = { type: 'ChangeModelSuspended', data: { ...of, reason: 'One failed.' } };
    models
      .given(...approved, stopped)
      .when(recordModelUse, use('failed'))
      .then(used('failed'));
    models.given().when(recordModelUse, use('failed')).thenRefused('changemodel-unknown');
  });

  it('is stopped by whoever may approve, and begins again as a version of its own', () => {
    const stop = issued(SuspendChangeModel, { reason: 'The supplier changed.' }, 'patch');
    const stopped: ChangeModelEvent = { type: 'ChangeModelSuspended', data: { ...of, reason: 'The supplier changed.' } };
    models
      .given(...approved)
      .when(suspendChangeModel, stop)
      .then(stopped);
    models
      .given(...approved, stopped)
      .when(suspendChangeModel, stop)
      .thenNothing();
    models.given().when(suspendChangeModel, stop).thenRefused('changemodel-unknown');
    expect(models.given(...approved, stopped).when(proposeChangeModel, propose(), board).decision).toMatchObject([
      { data: { version: 2 } },
    ]);
  });
});
