import { ComplianceFold, type Change } from '#libs/compliance';
import {
  accountId,
  approvalId,
  artifactId,
  changeId,
  plimsollCodec,
  type ChangeDossier,
  type DecisionReceipt,
  type GateName,
  type PlimsollEvent,
} from '#libs/contracts';
import { load, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { defaultPersonId } from '#libs/identity';
import {
  contentsOf,
  countingApprovers,
  dossierHashOf,
  ENGINE,
  evaluateGates,
  readGateFacts,
  tupleHashOf,
  tupleOf,
  type GateFacts,
} from '#libs/policy';
import { boardContents } from '#libs/policy/testing';

/*
 * What the gates say of approvals and votes, and what the report says, side by side: two programs that read the same log, the one stream by
 * stream and the other from its beginning, must find the same. Histories are drawn from a seed.
 */

const RELEASE = '00000000-0000-4000-8000-000000000001';
const ENVIRONMENT = 'production';
const p = (name: string): string => defaultPersonId('test', name);
const at = (second: number): string => new Date(Date.parse('2026-03-02T10:00:00.000Z') + second * 1000).toISOString();
const APPROVERS = ['abe', 'bea', 'cid', 'dea'];
const [FIRST, SECOND] = ['anna', 'otto'];

class Story {
  readonly log = new MemoryEventLog();
  readonly events: StoredEvent[] = [];
  readonly read: ReadAggregate = (aggregate, id) => load(this.log, plimsollCodec(), aggregate, id);

  get now(): string {
    return at(this.events.length);
  }

  async tell(stream: string, event: PlimsollEvent, by = 'olga'): Promise<void> {
    const number = String(this.events.length).padStart(12, '0');
    const metadata = {
      actor: p(by),
      principal: `test|${by}`,
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: this.now,
      schemaVersion: event.type === 'PolicyPublished' ? 2 : 1,
    };
    const id = `00000000-0000-5000-8000-${number}`;
    const { revision } = await this.log.readStream(stream);
    await this.log.append(stream, revision, [{ id, ...event, metadata }]);
    this.events.push({ id, ...event, metadata, stream, revision: revision + 1, position: BigInt(this.events.length) });
  }

  facts(engine = ENGINE): Promise<GateFacts> {
    return readGateFacts(this.read, RELEASE, ENVIRONMENT, this.now, undefined, engine);
  }
}

const ofChange = { changeId: changeId(RELEASE, ENVIRONMENT), releaseId: RELEASE, environment: ENVIRONMENT, round: 1 } as const;
const ofApproval = { approvalId: approvalId(RELEASE, ENVIRONMENT), releaseId: RELEASE, environment: ENVIRONMENT, round: 1 } as const;

/** A release that lacks nothing but approvals, and that a board of three has approved with two votes. */
async function beginning(): Promise<Story> {
  const story = new Story();
  const artifact = { name: 'shop', version: '2.0.0', purl: 'pkg:npm/shop@2.0.0', digest: `sha256:${'a'.repeat(64)}` };
  const known = { artifactId: artifactId(artifact.name, artifact.version), ...artifact };
  const gates = [
    { gate: 'approved', quorum: 2, groups: [{ group: 'keepers', quorum: 1 }] },
    { gate: 'duties-separated' },
    { gate: 'change-approved' },
  ] as const;
  const policy = { policyId: 'strict', version: 1, title: 'Strict', gates, rollbackGates: [], clauses: [], effectiveFrom: at(0) };
  await story.tell('policy-strict', { type: 'PolicyPublished', data: policy });
  await story.tell(`environment-${ENVIRONMENT}`, {
    type: 'EnvironmentDefined',
    data: { environment: ENVIRONMENT, class: 'production', policyId: 'strict' },
  });
  const digest = { algorithm: 'sha256' as const, value: 'a'.repeat(64) };
  await story.tell(
    `artifact-${known.artifactId}`,
    { type: 'ArtifactRegistered', data: { ...known, digest, authors: ['test|ann'] } },
    'ann',
  );
  await story.tell(
    `release-${RELEASE}`,
    { type: 'ReleaseComposed', data: { releaseId: RELEASE, product: 'shop', artifacts: [known], authors: ['test|ann'] } },
    'ann',
  );
  const step = { id: 's', driver: 'exec', action: 'switch', input: {}, dependsOn: [] };
  const plan = { releaseId: RELEASE, environment: ENVIRONMENT, steps: [step], stages: [['s']], planHash: '1'.repeat(64) };
  await story.tell(`release-${RELEASE}`, { type: 'ReleasePlanned', data: { ...plan, riskClass: 'low' } }, 'ann');
  await story.tell('board-cab', {
    type: 'BoardDefined',
    data: { ...boardContents, quorum: 2, chair: p(FIRST!), boardId: 'cab', version: 1, tzdata: '2026a' },
  });
  for (const name of [FIRST!, SECOND!, 'cora']) await joins(story, name, 'cab');
  for (const name of ['abe', 'bea']) await joins(story, name, 'keepers');
  for (const name of [FIRST!, SECOND!, 'abe', 'cid']) await granted(story, name);
  const dossier: ChangeDossier = {
    schema: 'plimsoll.change-dossier.v1',
    changeId: ofChange.changeId,
    round: 1,
    class: 'normal',
    title: 'Shop',
    justification: 'The new checkout.',
    risk: { level: 'low', assessment: 'Small.' },
    backout: 'Roll back.',
    window: { from: at(0), until: at(3600) },
    dependsOn: [],
    requester: p('rita'),
    contents: contentsOf(await story.facts()),
    conflicts: [],
    board: { boardId: 'cab', version: 1 },
  };
  const dossierHash = dossierHashOf(dossier);
  const stream = `change-${ofChange.changeId}`;
  const submission = {
    ...ofChange,
    product: 'shop',
    class: 'normal',
    reasons: [],
    route: 'board',
    dossier,
    dossierHash,
    inputs: [],
  } as const;
  await story.tell(stream, { type: 'ChangeSubmitted', data: { ...submission, requester: p('rita'), submittedAt: story.now } }, 'rita');
  for (const name of [FIRST!, SECOND!])
    await story.tell(
      stream,
      { type: 'ChangeVoteCast', data: { ...ofChange, person: p(name), vote: 'for', dossierHash, conditions: [] } },
      name,
    );
  const decision = {
    ...ofChange,
    outcome: 'approved',
    by: 'board',
    dossierHash,
    recused: [],
    conditions: [],
    conflicts: [],
    inputs: [],
  } as const;
  await story.tell(stream, { type: 'ChangeDecided', data: decision }, SECOND);
  const tuple = tupleOf(await story.facts(), at(3600));
  await story.tell(
    `approval-${ofApproval.approvalId}`,
    { type: 'ApprovalRequested', data: { ...ofApproval, tuple, tupleHash: tupleHashOf(tuple), quorum: 2, requester: p('rita') } },
    'rita',
  );
  return story;
}

const joins = (story: Story, name: string, group: string): Promise<void> =>
  story.tell(`group-${group}`, {
    type: 'GroupMemberAdded',
    data: { group, person: p(name), requestedBy: p('rita'), confirmedBy: p('olga') },
  });
const quits = (story: Story, name: string, group: string): Promise<void> =>
  story.tell(`group-${group}`, { type: 'GroupMemberRemoved', data: { group, person: p(name), reason: 'Another job.' } });
const granted = (story: Story, name: string, id = `${ENVIRONMENT}`): Promise<void> => {
  const scope = { kind: 'environment', id } as const;
  const held = { grantId: `${name} ${id} ${story.now}`, person: p(name), role: 'approver', scope, from: at(0), until: at(3600) };
  return story.tell(`rolegrants-${p(name)}`, {
    type: 'RoleGranted',
    data: { ...held, requestedBy: p('rita'), confirmedBy: p('olga') },
  });
};

/** Something that happens to somebody who approves, or is on the board. */
async function happens(story: Story, pick: (n: number) => number): Promise<void> {
  const voter = pick(3) > 0;
  const names = voter ? APPROVERS : [FIRST!, SECOND!];
  const name = names[pick(names.length)]!;
  const group = voter ? 'keepers' : 'cab';
  const person = p(name);
  switch (pick(voter ? 10 : 7)) {
    case 0:
      return story.tell(`person-${person}`, { type: 'PersonLeft', data: { person, reason: 'Retired.' } });
    case 1:
      return story.tell(`person-${person}`, { type: 'PersonRegistered', data: { person, registeredBy: p('olga') } });
    case 2:
      return quits(story, name, group);
    case 3:
      return joins(story, name, group);
    case 4: {
      const grants = story.events.filter(({ type, data }) => type === 'RoleGranted' && (data as { person: string }).person === person);
      const grant = grants[pick(grants.length || 1)]?.data as { grantId: string } | undefined;
      if (!grant) return;
      const data = { grantId: grant.grantId, person, role: 'approver', reason: 'Another job.' };
      return story.tell(`rolegrants-${person}`, { type: 'RoleRevoked', data });
    }
    case 5:
      return granted(story, name, pick(3) === 0 ? 'elsewhere' : ENVIRONMENT);
    case 6: {
      if (pick(3) > 0) return;
      const whose = p(['abe', 'cora', 'ann', FIRST!][pick(4)]!);
      const data = { issuer: 'test', subject: name, person: whose, requestedBy: p('rita'), confirmedBy: p('olga') };
      return story.tell(`account-${accountId('test', name)}`, { type: 'AccountLinked', data });
    }
    default: {
      const { approval } = await story.facts();
      const data = { ...ofApproval, person, tupleHash: tupleHashOf(approval.tuple!) };
      const voted = story.events.some(({ type, data: of }) => type === 'ApprovalGranted' && (of as { person: string }).person === person);
      // Nobody approves twice as the same person.
      if (!voted) await story.tell(`approval-${ofApproval.approvalId}`, { type: 'ApprovalGranted', data }, name);
    }
  }
}

/** It is started by `dan`, as the gates judge it, whatever they say. */
async function started(story: Story, engine: string): Promise<{ readonly receipt: DecisionReceipt; readonly facts: GateFacts }> {
  const facts = await story.facts(engine);
  const receipt = evaluateGates(facts, { deployer: p('dan'), now: story.now }, 'deployment', engine);
  await story.tell(
    'deployment-d1',
    {
      type: 'DeploymentStarted',
      data: {
        deploymentId: 'd1',
        releaseId: RELEASE,
        environment: ENVIRONMENT,
        artifacts: facts.artifacts,
        steps: facts.plan!.steps,
        planHash: facts.plan!.planHash,
        round: 1,
        deployer: p('dan'),
        tuple: facts.approval.tuple!,
        receipt,
      },
    },
    'dan',
  );
  return { receipt, facts };
}

function changeIn(story: Story): Change {
  const codec = plimsollCodec();
  const fold = new ComplianceFold({ from: '2026-01-01T00:00:00.000Z', to: '2027-01-01T00:00:00.000Z' });
  for (const event of story.events) fold.add(codec.upcast(event));
  return fold.report().changes[0]!;
}

const passes = ({ gates }: DecisionReceipt, name: GateName): boolean => gates.find(({ gate }) => gate === name)?.verdict === 'pass';

/** By engine, what it says of approvals and of the change; the sixth counts no votes of a board again. */
const JUDGED: readonly (readonly [string, readonly string[]])[] = [
  ['plimsoll-gates/6 cel/0.6.1', ['false true', 'true true']],
  ['plimsoll-gates/7 cel/0.6.1', ['false false', 'false true', 'true false', 'true true']],
  ['plimsoll-gates/8 cel/0.6.1', ['false false', 'false true', 'true false', 'true true']],
  [ENGINE, ['false false', 'false true', 'true false', 'true true']],
];

describe.each(JUDGED)('A report of what %s judged', (engine, kinds) => {
  it('agrees with the receipt on approvals, votes, duties and risk, whatever became of those who gave them', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      let state = seed * 2_654_435_761;
      const pick = (n: number): number => {
        // A linear congruential generator, of which the high bits are used.
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((state / 4_294_967_296) * n);
      };
      const story = await beginning();
      const most = 4 + pick(14);
      for (let n = 0; n < most; n++) await happens(story, pick);
      const { receipt, facts } = await started(story, engine);
      const change = changeIn(story);
      const [approved, authorised] = [passes(receipt, 'approved'), passes(receipt, 'change-approved')];
      const { verdicts } = change;
      const said = { seed, approved, authorised, risk: receipt.risk?.effective, counting: [...new Set(countingApprovers(facts))].sort() };
      expect({
        seed,
        approved: verdicts['approved-before-deployment'].verdict === 'yes',
        authorised: verdicts['change-authorised'].verdict === 'yes',
        risk: change.risk?.effective,
        counting: countedIn(change, facts),
      }).toEqual(said);
      if (facts.approval.approvers.length > 0)
        expect([seed, verdicts['duties-separated'].verdict === 'yes']).toEqual([seed, passes(receipt, 'duties-separated')]);
      seen.add(`${approved} ${authorised}`);
    }
    // Otherwise it would show nothing.
    expect([...seen].sort()).toEqual(kinds);
  });
});

/** Persons, as they are known at the start, of whom an approval counted. */
function countedIn({ approvals }: Change, { approval }: GateFacts): readonly string[] {
  const persons = approvals.flatMap(({ counted }, n) => (counted ? [approval.approvers[n]!] : []));
  return [...new Set(persons)].sort();
}
