import {
  accountId,
  approvalId,
  artifactId,
  changeId,
  ownershipId,
  plimsollCodec,
  type GateRule,
  type PlimsollEvent,
} from '#libs/contracts';
import { load, type ReadAggregate } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { addressAccount, addressKeys, defaultPersonId, withoutAddress } from '#libs/identity';
import { dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';
import { countingApprovers, countingMembers, eligibleApprovers } from './eligible.ts';
import { evaluateGates, gateNames } from './gates.ts';
import { personOfAccount } from './person-of-account.ts';
import { readGateFacts, sources } from './sources.ts';
import { tupleOf } from './tuple.ts';

/** A log with these events in it, read as gates read it. */
async function given(...events: readonly (readonly [string, PlimsollEvent])[]): Promise<ReadAggregate> {
  const log = new MemoryEventLog();
  for (const [n, [stream, event]] of events.entries()) {
    const number = String(n).padStart(12, '0');
    const metadata = {
      actor: 'person-ida',
      principal: 'test|ida',
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: '2026-03-02T10:00:00.000Z',
      schemaVersion: event.type === 'PolicyPublished' ? 2 : 1,
    };
    await log.append(stream, (await log.readStream(stream)).revision, [{ id: `00000000-0000-5000-8000-${number}`, ...event, metadata }]);
  }
  return (aggregate, id) => load(log, plimsollCodec(), aggregate, id);
}

const claimed = (address: string, person: string): readonly [string, PlimsollEvent] => {
  const { skeletonId, addressId, kind } = addressKeys(address);
  return [`address-${skeletonId}`, { type: 'AddressClaimed', data: { skeletonId, addressId, kind, person, looksLike: [] } }];
};
const account = (
  subject: string,
  event: 'AccountLinkRequested' | 'AccountLinked' | 'AccountUnlinked',
): readonly [string, PlimsollEvent] => [
  `account-${accountId('idp', subject)}`,
  { type: event, data: { issuer: 'idp', subject, person: 'dora', bot: false, requestedBy: 'ida', reason: 'x' } } as PlimsollEvent,
];

describe('The person behind an account', () => {
  it('is whom it is linked to, once that is confirmed, and stays so when it is unlinked', async () => {
    const itself = defaultPersonId('idp', 'd1');
    expect(await personOfAccount(await given(account('d1', 'AccountLinkRequested')), 'idp|d1')).toMatchObject({
      person: itself,
      by: 'itself',
    });
    const linked = await given(account('d1', 'AccountLinkRequested'), account('d1', 'AccountLinked'));
    expect(await personOfAccount(linked, 'idp|d1')).toMatchObject({ person: 'dora', by: 'link' });
    const unlinked = await given(account('d1', 'AccountLinked'), account('d1', 'AccountUnlinked'));
    expect(await personOfAccount(unlinked, 'idp|d1')).toMatchObject({ person: 'dora', by: 'link' });
  });

  it.each([
    ['at a second issuer', 'other-idp|dora@bank.example', 'address'],
    ['with a plus-tag', 'idp|dora+2@bank.example', 'address'],
    ['in another case', 'idp|DORA@Bank.example', 'address'],
    ['with a Cyrillic letter', 'idp|dоra@bank.example', 'lookalike'],
    ['as a commit author', addressAccount('Dora+git@bank.example'), 'address'],
    ['as a commit author with a Greek letter', addressAccount('dοra@bank.example'), 'lookalike'],
  ])('is who has the address, %s', async (_how, principal, by) => {
    expect(await personOfAccount(await given(claimed('dora@bank.example', 'dora')), principal)).toMatchObject({ person: 'dora', by });
  });

  it('is somebody else where a look-alike is known to be somebody else’s', async () => {
    const read = await given(claimed('dora@bank.example', 'dora'), claimed('dоra@bank.example', 'eve'));
    expect(await personOfAccount(read, addressAccount('dоra@bank.example'))).toMatchObject({ person: 'eve', by: 'address' });
    expect(await personOfAccount(read, addressAccount('dora@bank.example'))).toMatchObject({ person: 'dora', by: 'address' });
  });

  it('is a person of its own where nothing is known; all spellings of an address are one', async () => {
    const read = await given();
    expect(await personOfAccount(read, 'idp|emil')).toMatchObject({ person: defaultPersonId('idp', 'emil'), by: 'itself' });
    const [one, other] = await Promise.all(['emil@x.example', 'Emil+a@x.example'].map((a) => personOfAccount(read, addressAccount(a))));
    expect(one?.person).toBe(other?.person);
    expect(await personOfAccount(read, 'idp|\u200b')).toMatchObject({ by: 'itself' });
  });

  it('is a person of its own where its name is short as it is written and too long as it is compared', async () => {
    // One character, which stands for eighteen.
    const subject = '\ufdfa'.repeat(20);
    expect(await personOfAccount(await given(), `idp|${subject}`)).toMatchObject({ person: defaultPersonId('idp', subject), by: 'itself' });
  });

  it('is looked up anew every time, however often the account was seen', async () => {
    expect(await personOfAccount(await given(), 'idp|d1')).toMatchObject({ by: 'itself' });
    expect(await personOfAccount(await given(account('d1', 'AccountLinked')), 'idp|d1')).toMatchObject({ person: 'dora', by: 'link' });
    expect(await personOfAccount(await given(), 'idp|d1')).toMatchObject({ by: 'itself' });
  });
});

describe('Who wrote what would run', () => {
  /** The authors of a release of one artifact that a bot of bea's registered, as an engine judges it. */
  const authorsWith = async (built: { readonly builder?: string; readonly authors?: readonly string[] }, engine?: string) => {
    const artifact = { artifactId: artifactId('api', '1.0.0'), name: 'api', version: '1.0.0', purl: 'pkg:npm/api@1.0.0' };
    const digest = { algorithm: 'sha256', value: 'a'.repeat(64) } as const;
    const bot = { issuer: 'test', subject: 'ida', person: 'bea', bot: true };
    const read = await given(
      [`account-${accountId('test', 'ida')}`, { type: 'AccountLinked', data: bot }],
      claimed('dora@bank.example', 'dora'),
      account('d1', 'AccountLinked'),
      [`artifact-${artifact.artifactId}`, { type: 'ArtifactRegistered', data: { ...artifact, digest, authors: [], ...built } }],
      [
        'release-r',
        {
          type: 'ReleaseComposed',
          data: { releaseId: 'r', product: 'shop', artifacts: [{ ...artifact, digest: 'sha256:aa' }], authors: [] },
        },
      ],
    );
    return (await readGateFacts(read, 'r', 'prod', '2026-03-02T10:00:00.000Z', undefined, engine)).authors;
  };

  it('is the person, also where a bot acted for her', async () => {
    expect(await authorsWith({})).toEqual(['bea']);
  });

  it.each([
    ['an account', 'idp|d1', ['bea', 'dora']],
    ['an address', withoutAddress('Dora <Dora+ci@bank.example>'), ['bea', 'dora']],
    ['an account that nobody linked', 'ci|runner', ['bea', defaultPersonId('ci', 'runner')].sort()],
    ['the name of a build server, which is nobody', 'https://ci.example/runner 7', ['bea']],
  ])('is whoever is named as the builder, where that is %s', async (_what, builder, persons) => {
    expect(await authorsWith({ builder })).toEqual(persons);
    expect(await authorsWith({ builder }, 'plimsoll-gates/6 cel/0.6.1')).toEqual(['bea']);
  });

  it('is a co-author of whom a commit says no more than the address', async () => {
    expect(await authorsWith({ authors: [withoutAddress('Co-authored-by: Dora <DORA+pair@bank.example>')] })).toEqual(['bea', 'dora']);
  });
});

/** A release of which every gate has something to read. */
async function everything(): Promise<ReadAggregate> {
  const digest = { algorithm: 'sha256', value: 'a'.repeat(64) } as const;
  const artifact = { artifactId: artifactId('api', '1.0.0'), name: 'api', version: '1.0.0', purl: 'pkg:npm/api@1.0.0' };
  const authors = ['idp|dora@bank.example', addressAccount('emil@bank.example')];
  const gates = gateNames.map((gate) =>
    gate === 'approved' ? ({ gate, quorum: 1, groups: [{ group: 'cab', quorum: 1 }] } as const) : ({ gate } as GateRule),
  );
  const effectiveFrom = '2026-01-01T00:00:00.000Z';
  return await given(
    ['environment-prod', { type: 'EnvironmentDefined', data: { environment: 'prod', class: 'production', policyId: 'bank' } }],
    [
      'policy-bank',
      {
        type: 'PolicyPublished',
        data: { policyId: 'bank', version: 1, title: 'Bank', gates, rollbackGates: gates, clauses: [], effectiveFrom },
      },
    ],
    [`artifact-${artifact.artifactId}`, { type: 'ArtifactRegistered', data: { ...artifact, digest, authors } }],
    [
      'release-r',
      { type: 'ReleaseComposed', data: { releaseId: 'r', product: 'shop', artifacts: [{ ...artifact, digest: 'sha256:aa' }], authors } },
    ],
    [
      `change-${changeId('r', 'prod')}`,
      // A dossier that names whatever a change may rest on, and that somebody has voted on.
      submittedWith(
        dossierOf(releaseFacts(), {
          board: { boardId: 'cab', version: 1 },
          model: { modelId: 'patch', version: 1 },
          incidentId: 'incident-1',
          bypassId: 'bypass-1',
        }),
      ),
    ],
    [
      `change-${changeId('r', 'prod')}`,
      {
        type: 'ChangeVoteCast',
        data: {
          changeId: changeId('r', 'prod'),
          releaseId: 'r',
          environment: 'prod',
          round: 1,
          person: 'anna',
          vote: 'for',
          dossierHash: 'x',
          conditions: [],
        },
      },
    ],
    ...approvedInTeam(),
  );
}

/** Dora, whose role is of a team, has approved. */
function approvedInTeam(): readonly (readonly [string, PlimsollEvent])[] {
  const [releaseId, environment, person] = ['r', 'prod', 'person-ida'];
  const of = { approvalId: approvalId(releaseId, environment), releaseId, environment, round: 1 };
  const tuple = { releaseId, environment, artifactDigests: [], planHash: 'x', policyId: 'bank', policyVersion: 1, expiresAt: '2027' };
  const scope = { kind: 'team', id: 'payments' } as const;
  const grant = { grantId: 'g', person, role: 'approver', scope, from: '2026', until: '2027', requestedBy: 'ida', confirmedBy: 'ian' };
  return [
    [`rolegrants-${person}`, { type: 'RoleGranted', data: grant }],
    [`approval-${of.approvalId}`, { type: 'ApprovalRequested', data: { ...of, tuple, tupleHash: 'x', quorum: 1, requester: 'rita' } }],
    [`approval-${of.approvalId}`, { type: 'ApprovalGranted', data: { ...of, person, tupleHash: 'x' } }],
  ];
}

describe('What gates read', () => {
  it('is all among the sources that a replay keeps, with the very same folds', async () => {
    const read = await everything();
    const kept = new Map(sources.map((source) => [source.category, source]));
    const wanted = new Set<string>();
    await readGateFacts(
      (aggregate, id) => {
        wanted.add(aggregate.category);
        expect({ [aggregate.category]: kept.get(aggregate.category) }).toEqual({ [aggregate.category]: aggregate });
        expect(kept.get(aggregate.category)).toBe(aggregate);
        return read(aggregate, id);
      },
      'r',
      'prod',
      '2026-03-02T10:00:00.000Z',
      'bypass-1',
    );
    // And nothing is kept for nothing.
    expect([...wanted].sort()).toEqual([...kept.keys()].sort());
  });

  it('is asked for in few rounds, each of which is a way to the log and back', async () => {
    const read = await everything();
    let [rounds, reads] = [0, 0];
    let round: Promise<void> | undefined;
    await readGateFacts(
      async (aggregate, id) => {
        reads++;
        const loaded = read(aggregate, id);
        if (!round) {
          rounds++;
          // Whatever is asked for until then is one round, and is answered at once.
          round = new Promise((resolve) =>
            setImmediate(() => {
              round = undefined;
              resolve();
            }),
          );
        }
        await round;
        return await loaded;
      },
      'r',
      'prod',
      '2026-03-02T10:00:00.000Z',
      'bypass-1',
    );
    // Release and what is named with it; policy, version and artifacts; change; what the change names; the group of its board.
    // And of who approved: persons and roles, who owned the product where a role is a team's, and who else could.
    expect(rounds).toBeLessThanOrEqual(7);
    expect(reads).toBeGreaterThan(15);
  });
});

describe('Who approved and has left since', () => {
  const tuple = { releaseId: 'r', artifactDigests: [], environment: 'prod', planHash: 'unplanned', policyId: 'none', policyVersion: 0 };
  const of = { approvalId: approvalId('r', 'prod'), releaseId: 'r', environment: 'prod', round: 1 };
  const asked = { ...of, tuple: { ...tuple, expiresAt: '2026-03-09T10:00:00.000Z' }, tupleHash: 'x', requester: 'rita', quorum: 1 };
  const told = async (...events: readonly (readonly [string, string, object, string?])[]) => {
    const log = new MemoryEventLog();
    for (const [n, [stream, type, data, principal = 'idp|d1']] of events.entries()) {
      const id = `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`;
      const metadata = {
        actor: 'x',
        principal,
        commandId: id,
        commandHash: '0'.repeat(64),
        correlationId: 'c',
        causationId: 'c',
        recordedAt: `2026-03-02T10:00:0${n}.000Z`,
        schemaVersion: 1,
      };
      await log.append(stream, (await log.readStream(stream)).revision, [{ id, type, data: data as never, metadata }]);
    }
    return (engine?: string) =>
      readGateFacts(
        (aggregate, id) => load(log, plimsollCodec(), aggregate, id),
        'r',
        'prod',
        '2026-03-02T11:00:00.000Z',
        undefined,
        engine,
      );
  };
  const stream = `approval-${of.approvalId}`;
  const requested = [stream, 'ApprovalRequested', asked, 'idp|rita'] as const;
  const granted = (person: string) => [stream, 'ApprovalGranted', { ...of, person, tupleHash: 'x' }] as const;
  const leaves = ['person-dora', 'PersonLeft', { person: 'dora', reason: 'x' }] as const;
  const registered = ['person-dora', 'PersonRegistered', { person: 'dora', name: 'x' }] as const;
  const linked = [account('d1', 'AccountLinked')[0], 'AccountLinked', account('d1', 'AccountLinked')[1].data] as const;

  it('counts no more, by the account that approved, whoever it was taken for then; as evidence and in the detail', async () => {
    const facts = await (await told(requested, granted('d1-itself'), linked, leaves))();
    expect([facts.approval.approvers, facts.left]).toEqual([['dora'], ['dora']]);
    expect(facts.refs.persons).toEqual({ dora: 'person-dora@0', 'd1-itself': 'person-d1-itself@-1' });
    const gates = [{ gate: 'approved' as const, quorum: 1 }];
    const { gates: judged, inputs } = evaluateGates({ ...facts, policy: { ...facts.policy, gates } }, { deployer: 'dan', now: 'x' });
    expect(inputs).toContain('person-dora@0');
    expect(countingApprovers(facts)).toEqual([]);
    expect(judged[0]?.verdict).not.toBe('pass');
  });

  it('counts while she has not left, and did for the engines before', async () => {
    const stays = await (await told(linked, requested, granted('dora')))();
    expect([stays.approval.approvers, stays.left]).toEqual([['dora'], undefined]);
    const before = await (await told(linked, requested, granted('dora'), leaves))('plimsoll-gates/6 cel/0.6.1');
    expect([before.approval.approvers, before.left, before.refs.persons]).toEqual([['dora'], undefined, undefined]);
  });

  it('counts when she came back and approved anew, and not because she came back', async () => {
    const back = [linked, requested, granted('dora'), leaves, registered] as const;
    expect(countingApprovers(await (await told(...back))())).toEqual([]);
    const withdrawn = [stream, 'ApprovalWithdrawn', { ...of, person: 'dora' }] as const;
    expect(countingApprovers(await (await told(...back, withdrawn, granted('dora')))())).toEqual(['dora']);
  });
});

describe('By virtue of what somebody approved', () => {
  const TEAM = { kind: 'team', id: 'payments' };
  const STAGING = { kind: 'environment', id: 'staging' };
  const [releaseId, environment] = ['r', 'prod'];
  const of = { approvalId: approvalId(releaseId, environment), releaseId, environment, round: 1 };
  const tuple = { releaseId, environment, artifactDigests: [], planHash: 'x', policyId: 'bank', policyVersion: 1, expiresAt: '2027' };
  type Said = readonly [stream: string, type: PlimsollEvent['type'], data: object];
  const beginning: readonly Said[] = [
    ['environment-prod', 'EnvironmentDefined', { environment, class: 'production', policyId: 'bank' }],
    [
      'policy-bank',
      'PolicyPublished',
      {
        policyId: 'bank',
        version: 1,
        title: 'Bank',
        gates: [{ gate: 'approved', quorum: 1, groups: [{ group: 'risk', quorum: 1 }] }],
        rollbackGates: [],
        clauses: [],
        effectiveFrom: '2026-01-01T00:00:00.000Z',
      },
    ],
    ['release-r', 'ReleaseComposed', { releaseId, product: 'shop', artifacts: [], authors: [] }],
    [`approval-${of.approvalId}`, 'ApprovalRequested', { ...of, tuple, tupleHash: 'x', quorum: 1, requester: 'rita' }],
  ];
  const granted = (grantId: string, scope: object = { kind: 'organisation', id: '*' }, person = 'dora', role = 'approver'): Said => [
    `rolegrants-${person}`,
    'RoleGranted',
    { grantId, person, role, scope, from: '2026-01-01T00:00:00.000Z', until: '2027-01-01T00:00:00.000Z' },
  ];
  const revoked = (grantId: string): Said => ['rolegrants-dora', 'RoleRevoked', { grantId, person: 'dora', role: 'approver', reason: 'x' }];
  const joins = (person = 'dora'): Said => ['group-risk', 'GroupMemberAdded', { group: 'risk', person }];
  const removed: Said = ['group-risk', 'GroupMemberRemoved', { group: 'risk', person: 'dora', reason: 'x' }];
  const approves: Said = [`approval-${of.approvalId}`, 'ApprovalGranted', { ...of, person: 'dora', tupleHash: 'x' }];
  const leaves = (person = 'dora'): Said => [`person-${person}`, 'PersonLeft', { person, reason: 'x' }];
  const back = (person = 'dora'): Said => [`person-${person}`, 'PersonRegistered', { person, registeredBy: 'ida' }];
  const owned = (team: string): Said => [`ownership-${ownershipId('shop')}`, 'OwnershipAssigned', { product: 'shop', team }];
  const linked: Said = [`account-${accountId('idp', 'dora')}`, 'AccountLinked', { issuer: 'idp', subject: 'dora', person: 'dora' }];

  const facts = async (events: readonly Said[], engine?: string) => {
    const log = new MemoryEventLog();
    for (const [n, [stream, type, data]] of [...beginning, linked, ...events].entries()) {
      const id = `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`;
      const metadata = {
        actor: 'dora',
        principal: 'idp|dora',
        commandId: id,
        commandHash: '0'.repeat(64),
        correlationId: 'c',
        causationId: 'c',
        recordedAt: `2026-03-02T10:00:${String(n).padStart(2, '0')}.000Z`,
        schemaVersion: type === 'PolicyPublished' ? 2 : 1,
      };
      await log.append(stream, (await log.readStream(stream)).revision, [{ id, type, data: data as never, metadata }]);
    }
    const read: ReadAggregate = (aggregate, id) => load(log, plimsollCodec(), aggregate, id);
    return await readGateFacts(read, releaseId, environment, '2026-03-02T11:00:00.000Z', undefined, engine);
  };
  const counts = async (events: readonly Said[], engine?: string): Promise<readonly string[]> => {
    const found = await facts(events, engine);
    return countingMembers(found)['risk']?.filter((person) => countingApprovers(found).includes(person)) ?? [];
  };

  it.each<readonly [string, readonly Said[]]>([
    ['a role that she holds', [granted('g'), joins(), approves]],
    ['no role that is on record, as roles come from the token', [joins(), approves]],
    ['two roles, of which one is revoked', [granted('g'), granted('h'), joins(), approves, revoked('g')]],
    ['a role, when another one was revoked before', [granted('g'), revoked('g'), granted('h'), joins(), approves]],
    ['a role of the team that owned it then', [owned('payments'), granted('g', TEAM), joins(), approves, owned('cards')]],
    ['a role that she holds, when one elsewhere is revoked', [granted('g'), granted('h', STAGING), joins(), approves, revoked('h')]],
    ['membership, when somebody else joins', [joins(), approves, joins('emil')]],
  ])('counts where it is %s', async (_what, events) => {
    expect(await counts(events)).toEqual(['dora']);
  });

  it.each<readonly [string, readonly Said[], string]>([
    ['a role that was revoked', [granted('g'), joins(), approves, revoked('g')], 'in a role that was revoked'],
    ['a role that was given again since', [granted('g'), joins(), approves, revoked('g'), granted('h')], 'in a role that was revoked'],
    ['a role here, and one elsewhere stays', [granted('g'), granted('h', STAGING), joins(), approves, revoked('g')], 'that was revoked'],
    ['a role of the team that owned it', [owned('payments'), granted('g', TEAM), joins(), approves, revoked('g')], 'that was revoked'],
    ['membership that ended, and began again', [joins(), approves, removed, joins()], 'For group risk these do not count'],
    ['membership of before she left, when she came back', [joins(), leaves(), back(), approves], 'For group risk these do not count'],
  ])('counts no more where it is %s, and did for the engine before', async (_what, events, why) => {
    expect(await counts(events)).toEqual([]);
    const found = await facts(events);
    const { gates, inputs } = evaluateGates(found, { deployer: 'dan', now: '2026-03-02T11:00:00.000Z' });
    const differs = { ...found, approval: { ...found.approval, tuple: tupleOf(found, '2027') } };
    const { gates: judged } = evaluateGates(differs, { deployer: 'dan', now: '2026-03-02T11:00:00.000Z' });
    expect([gates[0]?.verdict, judged[0]]).toMatchObject(['stale', { verdict: 'inconclusive', detail: expect.stringContaining(why) }]);
    expect(inputs).toEqual(expect.arrayContaining([expect.stringMatching(/^rolegrants-dora@/), expect.stringMatching(/^person-dora@/)]));
    const before = await facts(events, 'plimsoll-gates/7 cel/0.6.1');
    expect(await counts(events, 'plimsoll-gates/7 cel/0.6.1')).toEqual(['dora']);
    expect(Object.keys({ ...before, ...before.refs })).not.toEqual(expect.arrayContaining(['grants']));
  });

  it('could still be given by whoever is there and holds the role, and says of others why not', async () => {
    const members = ['gone', 'returned', 'other', 'able', 'token'].map((person) => joins(person));
    const found = await facts([
      ...members,
      granted('o', STAGING, 'other'),
      granted('a', undefined, 'able'),
      leaves('gone'),
      leaves('returned'),
      back('returned'),
    ]);
    const { canApprove, excluded } = eligibleApprovers(found, { quorum: 1, groups: [{ group: 'risk', quorum: 1 }] });
    expect(canApprove).toEqual([{ group: 'risk', persons: ['able', 'token'] }]);
    expect(excluded.filter(({ reason }) => reason.code !== 'separation-of-duties')).toMatchObject([
      { person: 'gone', reason: { code: 'person-left', evidence: ['person-gone@0'] } },
      { person: 'other', reason: { code: 'role-missing', evidence: ['rolegrants-other@0'] } },
    ]);
  });
});
