import fc from 'fast-check';
import { accountId, approvalId, artifactId, plimsollCodec, type DutyReviewEvent, type PlimsollEvent } from '#libs/contracts';
import { load, type EventLog, type ReadAggregate } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { defaultPersonId, type DutyAssignment } from '#libs/identity';
import { separationRules } from '#libs/policy';
import type { DutiesAgain, LookedAt, RoundOfDuties } from './duties-again.ts';
import { dutyReview, reviewDuties, ReviewDuties, reviewDutiesCommand } from './review-duties.ts';

const reviews = scenario(dutyReview);
const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
const change = { releaseId: RELEASE, environment: 'production' };
const review = issued(ReviewDuties, { ...change, deployments: ['d1'], learnedFrom: 'account-1' });
const took = (person: string, duty: DutyAssignment['duty']): DutyAssignment => ({ person, duty, evidence: `${duty}@0` });
const round = (...duties: DutyAssignment[]): RoundOfDuties => ({ duties, rules: separationRules([]) });
const again = (rounds: readonly RoundOfDuties[], looks: readonly LookedAt[] = []): DutiesAgain => ({
  rounds,
  looks,
  parties: [],
  deployments: [],
});
const found = (rule: string, ...duties: string[]) => ({
  type: 'DutyViolationFound' as const,
  data: { ...change, rule, person: 'dora', duties, evidence: duties.map((d) => `${d}@0`).sort(), learnedFrom: 'account-1' },
});

describe('looking at duties again', () => {
  it('finds who turns out to have approved her own', () => {
    reviews
      .given()
      .when(reviewDuties, review, again([round(took('dora', 'author'), took('dora', 'approver'))]))
      .then(found('approver-is-not-author', 'author', 'approver'));
  });

  it('finds nothing where they were apart, and nothing twice', () => {
    reviews
      .given()
      .when(reviewDuties, review, again([round(took('dora', 'author'), took('emil', 'approver'))]))
      .thenNothing();
    reviews
      .given(found('approver-is-not-author', 'author', 'approver'))
      .when(reviewDuties, review, again([round(took('dora', 'author'), took('dora', 'approver'))]))
      .thenNothing();
  });

  it('looks at testers, at who published the policy, and at what the policy itself keeps apart', () => {
    reviews
      .given()
      .when(reviewDuties, review, again([round(took('dora', 'tester'), took('dora', 'approver'))]))
      .then(found('approver-is-not-tester', 'tester', 'approver'));
    reviews
      .given()
      .when(reviewDuties, review, again([round(took('dora', 'policy-editor'), took('dora', 'approver'))]))
      .then(found('approver-is-not-policy-editor', 'approver', 'policy-editor'));
    const duties = [took('dora', 'policy-editor'), took('dora', 'deployer')];
    const own = { id: 'editor-is-not-deployer', duties: ['policy-editor', 'deployer'] as const };
    reviews
      .given()
      .when(reviewDuties, review, again([{ duties, rules: separationRules([]) }]))
      .thenNothing();
    reviews
      .given()
      .when(reviewDuties, review, again([{ duties, rules: separationRules([{ gate: 'duties-separated', apart: [own] }]) }]))
      .then(found('editor-is-not-deployer', 'deployer', 'policy-editor'));
  });

  it('takes every round for itself: who requested one may approve another, and an earlier one is not forgotten', () => {
    const apart = [round(took('dora', 'requester')), round(took('dora', 'approver'))];
    reviews.given().when(reviewDuties, review, again(apart)).thenNothing();
    const earlier = [round(took('dora', 'requester'), took('dora', 'approver')), round(took('emil', 'approver'))];
    reviews
      .given()
      .when(reviewDuties, review, again(earlier))
      .then(found('approver-is-not-requester', 'requester', 'approver'));
  });

  it('finds who voted, confirmed or reviewed what she had a part in herself, once', () => {
    const looks: LookedAt[] = [
      {
        look: 'board-voter',
        by: [
          { person: 'dora', evidence: 'vote@1' },
          { person: 'emil', evidence: 'vote@2' },
        ],
        duties: [took('dora', 'author'), took('fred', 'deployer')],
      },
      {
        look: 'bypass-reviewer',
        by: [{ person: 'dora', evidence: 'review@1' }],
        duties: [took('dora', 'deployer'), took('emil', 'author')],
      },
    ];
    const voted = found('board-voter-is-not-author', 'author', 'board-voter');
    const reviewed = found('bypass-reviewer-is-not-deployer', 'deployer', 'bypass-reviewer');
    const both = [
      { ...voted, data: { ...voted.data, evidence: ['author@0', 'vote@1'] } },
      { ...reviewed, data: { ...reviewed.data, evidence: ['deployer@0', 'review@1'] } },
    ];
    reviews
      .given()
      .when(reviewDuties, review, again([], looks))
      .then(...both);
    reviews
      .given(...both)
      .when(reviewDuties, review, again([], looks))
      .thenNothing();
    const apart = looks.map((look) => ({ ...look, duties: [took('fred', 'author')] }));
    reviews.given().when(reviewDuties, review, again([], apart)).thenNothing();
  });

  it('notes whom it was of and which deployments there were, each once', () => {
    const noted = (parties: string[], deployments: string[]): DutyReviewEvent => ({
      type: 'DutyPartiesNoted',
      data: { ...change, parties, deployments },
    });
    const seen = { ...again([]), parties: ['account-1', 'artifact-1'], deployments: ['d1'] };
    reviews
      .given()
      .when(reviewDuties, review, seen)
      .then(noted(['account-1', 'artifact-1'], ['d1']));
    reviews
      .given(noted(['account-1', 'artifact-1'], ['d1']))
      .when(reviewDuties, review, seen)
      .thenNothing();
    reviews
      .given(noted(['account-1'], ['d1']))
      .when(reviewDuties, review, seen)
      .then(noted(['artifact-1'], []));
  });

  it('agrees with a simple count, whatever turns out to be whose account in whatever order', async () => {
    const ACCOUNTS = ['a', 'b', 'c', 'd', 'e'];
    const account = fc.constantFrom(...ACCOUNTS);
    const links = fc.array(fc.tuple(account, fc.constantFrom('p', 'q', 'r')), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        account,
        account,
        fc.uniqueArray(account, { maxLength: 3 }),
        account,
        account,
        links,
        async (author, requester, approvers, deployer, resumer, history) => {
          const log = new MemoryEventLog();
          const write = writer(log);
          const id = approvalId(RELEASE, 'production');
          const tuple = {
            ...change,
            artifactDigests: ['sha256:aa'],
            planHash: 'x',
            policyId: 'none',
            policyVersion: 0,
            expiresAt: '2027-01-01T00:00:00.000Z',
          };
          const round = { approvalId: id, ...change, round: 1 };
          const person = (name: string): string => defaultPersonId('test', name);
          const artifact = {
            artifactId: artifactId('shop', '1.0.0'),
            name: 'shop',
            version: '1.0.0',
            purl: 'pkg:npm/shop@1.0.0',
            digest: 'sha256:aa',
          };
          await write(`release-${RELEASE}`, author, {
            type: 'ReleaseComposed',
            data: { releaseId: RELEASE, product: 'shop', artifacts: [artifact], authors: [`test|${author}`] },
          });
          await write(`approval-${id}`, requester, {
            type: 'ApprovalRequested',
            data: { ...round, tuple, tupleHash: 'x', quorum: 1, requester: person(requester) },
          });
          for (const approver of approvers) {
            await write(`approval-${id}`, approver, {
              type: 'ApprovalGranted',
              data: { ...round, person: person(approver), tupleHash: 'x' },
            });
          }
          await write('deployment-d1', deployer, { type: 'DeploymentStarted', data: { deploymentId: 'd1', ...change } as never });
          await write('deployment-d1', resumer, { type: 'DeploymentResumed', data: { deploymentId: 'd1', ...change } as never });
          for (const [linked, to] of history) {
            await write(`account-${accountId('test', linked)}`, 'admin', {
              type: 'AccountLinked',
              data: { issuer: 'test', subject: linked, person: to },
            });
          }
          const read: ReadAggregate = (aggregate, stream) => load(log, plimsollCodec(), aggregate, stream);
          const assignments = await reviewDutiesCommand.facts!(read, review, dutyReview.initial);
          const decision = reviewDuties(review, dutyReview.initial, assignments);

          // The oracle: the last link of an account says whose it is, and an approver is nobody else of this change.
          const whose = (name: string): string => history.filter(([a]) => a === name).at(-1)?.[1] ?? person(name);
          const votes = new Set(approvers.map(whose));
          const hands = [['author', author], ['requester', requester], ['deployer', deployer], ['deployer', resumer]] as const; // prettier-ignore
          const expected = hands.filter(([, who]) => votes.has(whose(who))).map(([duty, who]) => `approver-is-not-${duty}/${whose(who)}`);
          const said = (decision as readonly DutyReviewEvent[])
            .flatMap((e) => (e.type === 'DutyViolationFound' ? [e] : []))
            .map((e) => `${e.data.rule}/${e.data.person}`);
          expect(said.sort()).toEqual([...new Set(expected)].sort());
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** Writes events to a log as if accounts of the issuer `test` had caused them. */
function writer(log: EventLog) {
  let next = 0;
  return async (stream: string, subject: string, event: PlimsollEvent): Promise<void> => {
    const { revision } = await log.readStream(stream);
    const number = String(next++).padStart(12, '0');
    const metadata = {
      actor: defaultPersonId('test', subject),
      principal: `test|${subject}`,
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: '2026-03-02T10:00:00.000Z',
      schemaVersion: 1,
    };
    await log.append(stream, revision, [{ id: `00000000-0000-5000-8000-${number}`, ...event, metadata }]);
  };
}
