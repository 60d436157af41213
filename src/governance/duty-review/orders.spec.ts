import fc from 'fast-check';
import {
  accountId,
  approvalId,
  artifactId,
  BYPASS_REGISTER,
  changeId,
  plimsollCodec,
  type ApprovalTuple,
  type PlimsollEvent,
} from '#libs/contracts';
import { BEFORE_ALL, streamName, transact, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { issued } from '#libs/event-sourcing/testing';
import { addressAccount, addressKeys, defaultPersonId } from '#libs/identity';
import { ENGINE } from '#libs/policy';
import type { Process } from '#libs/processes';
import { bypassDutyWatch, dutyWatch, identityWatch } from '../processes/duty-watch.process.ts';
import { ReviewDuties, reviewDutiesCommand } from './review-duties.ts';

/**
 * One story of a release, told in random orders: what was done keeps to the order in which it can be done, and who is who comes to be known
 * before, between or after, one piece at a time; and the processes take it as it comes, or lag behind. Whatever the order, the same is found.
 */
const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
const PLACE = { releaseId: RELEASE, environment: 'production' };
const ISSUER = 'idp';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const ARTIFACT = artifactId('shop', '1.0.0');
const APPROVAL = approvalId(RELEASE, PLACE.environment);
const BYPASS = '00000000-0000-4000-8000-0000000000b1';

/** Everybody with a part, by account, each another account; who wrote more is named later, and commits with an address only. */
const PARTS = [
  'author',
  'committer',
  'later',
  'requester',
  'tester',
  'editor',
  'one',
  'two',
  'deployer',
  'resumer',
  'asker',
  'voter',
  'confirmer',
  'breaker',
  'reviewer',
  'examiner',
] as const;
type Part = (typeof PARTS)[number];
const address = (part: Part): string => `${part}@bank.example`;
const account = (part: Part): string =>
  part === 'committer' || part === 'later' ? addressAccount(address(part)) : `${ISSUER}|${part === 'two' ? address(part) : part}`;

interface Fact {
  readonly stream: string;
  readonly by: Part | 'admin';
  readonly event: PlimsollEvent;
}

const TUPLE: ApprovalTuple = {
  ...PLACE,
  artifactDigests: [DIGEST],
  planHash: 'b'.repeat(64),
  policyId: 'bank',
  policyVersion: 1,
  expiresAt: '2027-01-01T00:00:00.000Z',
};
const SHOP = { artifactId: ARTIFACT, name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0' };
const told = (stream: string, by: Part | 'admin', type: PlimsollEvent['type'], data: object): Fact => ({
  stream,
  by,
  event: { type, data } as PlimsollEvent,
});

/** Before anybody decides. */
const BEGINNING: readonly Fact[] = [
  told('policy-bank', 'editor', 'PolicyPublished', {
    policyId: 'bank',
    version: 1,
    title: 'Bank',
    gates: [{ gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }, { gate: 'change-approved' }],
    rollbackGates: [{ gate: 'rollback-target-ran' }],
    clauses: [],
    effectiveFrom: '2026-01-01T00:00:00.000Z',
  }),
  told('environment-production', 'admin', 'EnvironmentDefined', { environment: 'production', class: 'production', policyId: 'bank' }),
  told(`artifact-${ARTIFACT}`, 'author', 'ArtifactRegistered', {
    ...SHOP,
    digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
    authors: [account('committer')],
  }),
  told(`release-${RELEASE}`, 'author', 'ReleaseComposed', {
    releaseId: RELEASE,
    product: 'shop',
    artifacts: [{ ...SHOP, digest: DIGEST }],
    authors: [account('author')],
  }),
  told(`release-${RELEASE}`, 'author', 'ReleasePlanned', { ...PLACE, steps: [], stages: [], planHash: TUPLE.planHash }),
  told(`testreport-${RELEASE}`, 'tester', 'TestReportRecorded', {
    releaseId: RELEASE,
    artifactDigest: DIGEST,
    suite: 'unit',
    format: 'junit',
    outcome: 'pass',
    tester: 'then',
  }),
];

const OF_CHANGE = { changeId: changeId(RELEASE, PLACE.environment), ...PLACE, round: 1 };
const CHANGE = `change-${OF_CHANGE.changeId}`;
const ROUND = { approvalId: APPROVAL, ...PLACE, round: 1 };
const receipt = {
  engine: ENGINE,
  policyId: 'bank',
  policyVersion: 1,
  gates: ['approved', 'duties-separated', 'change-approved'].map((gate) => ({ gate, verdict: 'pass', detail: '', evidence: [] })),
};
const vote = (by: Part): Fact => told(`approval-${APPROVAL}`, by, 'ApprovalGranted', { ...ROUND, person: by, tupleHash: 'x' });

/** What was done, a list for each thread: any mixture of them that keeps each in order may have happened. */
const DONE: readonly (readonly Fact[])[] = [
  [
    told(`approval-${APPROVAL}`, 'requester', 'ApprovalRequested', {
      ...ROUND,
      tuple: TUPLE,
      tupleHash: 'x',
      quorum: 2,
      requester: 'then',
    }),
    vote('one'),
    vote('two'),
  ],
  [
    told(CHANGE, 'asker', 'ChangeSubmitted', {
      ...OF_CHANGE,
      requester: 'then',
      dossier: {
        contents: { artifacts: [{ ...SHOP, digest: DIGEST }] },
        dependsOn: [],
        window: { from: '2026-03-02T10:00:00.000Z', until: '2026-03-02T11:00:00.000Z' },
      },
    }),
    told(CHANGE, 'voter', 'ChangeVoteCast', { ...OF_CHANGE, person: 'then', vote: 'for' }),
    told(CHANGE, 'confirmer', 'ChangeConditionMet', { ...OF_CHANGE, conditionId: 'c', confirmedBy: 'then' }),
  ],
  [told('bypass-register', 'breaker', 'BypassRequested', { ...PLACE, bypassId: BYPASS, requester: 'then', tuple: TUPLE })],
];
/** After all of that. */
const ENDING: readonly (readonly Fact[])[] = [
  [
    told('deployment-d1', 'deployer', 'DeploymentStarted', { ...PLACE, deploymentId: 'd1', bypassId: BYPASS, receipt }),
    told('deployment-d1', 'resumer', 'DeploymentResumed', { ...PLACE, deploymentId: 'd1', bypassId: BYPASS, receipt }),
    told(`bypass-${BYPASS_REGISTER}`, 'reviewer', 'BypassReviewed', { bypassId: BYPASS, reviewer: 'then', outcome: 'approved' }),
  ],
  [told(CHANGE, 'examiner', 'ChangeReviewed', { ...OF_CHANGE, reviewer: 'then', outcome: 'approved', findings: 'x' })],
];

/** How it is learned who has a part: by an address where the account is one, or looks like one that was linked to nobody; else by a link. */
function learned(part: Part, person: string): Fact {
  const { skeletonId, addressId, kind } = addressKeys(address(part));
  return account(part).startsWith('address|') || part === 'two'
    ? told(`address-${skeletonId}`, 'admin', 'AddressClaimed', { skeletonId, addressId, kind, person, looksLike: [] })
    : told(`account-${accountId(ISSUER, part)}`, 'admin', 'AccountLinked', { issuer: ISSUER, subject: part, person });
}

const NAMED = told(`artifact-${ARTIFACT}`, 'admin', 'ArtifactAuthorsAdded', { artifactId: ARTIFACT, authors: [account('later')] });

/** What must be found, from who is who in the end alone. */
function expected(whose: ReadonlyMap<Part, string>): readonly string[] {
  const is = (part: Part): string => whose.get(part) ?? part;
  const authors: readonly Part[] = ['author', 'committer', 'later'];
  const deployers: readonly Part[] = ['deployer', 'resumer'];
  const kept: readonly (readonly [second: string, by: readonly Part[], duty: string, of: readonly Part[]])[] = [
    ['approver', ['one', 'two'], 'author', authors],
    ['approver', ['one', 'two'], 'requester', ['requester']],
    ['approver', ['one', 'two'], 'tester', ['tester']],
    ['approver', ['one', 'two'], 'policy-editor', ['editor']],
    ['approver', ['one', 'two'], 'deployer', deployers],
    ...(
      [
        ['board-voter', ['voter']],
        ['condition-confirmer', ['confirmer']],
        ['change-reviewer', ['examiner']],
      ] as const
    ).flatMap(([second, by]) => {
      return [
        [second, by, 'author', authors],
        [second, by, 'tester', ['tester']],
        [second, by, 'requester', ['asker']],
        [second, by, 'deployer', deployers],
      ] as const;
    }),
    ['bypass-reviewer', ['reviewer'], 'author', authors],
    ['bypass-reviewer', ['reviewer'], 'requester', ['breaker']],
    ['bypass-reviewer', ['reviewer'], 'deployer', deployers],
  ];
  const found = kept.flatMap(([second, by, duty, of]) =>
    by.filter((one) => of.some((other) => is(one) === is(other))).map((one) => `${second}-is-not-${duty}/${is(one)}`),
  );
  return [...new Set(found)].sort();
}

/** Keeps the order of each list, and takes from them as the numbers say. */
function mixed(lists: readonly (readonly Fact[])[], numbers: readonly number[]): Fact[] {
  const left = lists.map((list) => [...list]);
  const all: Fact[] = [];
  for (let n = 0; left.some((list) => list.length > 0); n++) {
    const open = left.filter((list) => list.length > 0);
    all.push(open[(numbers[n % numbers.length] ?? 0) % open.length]!.shift()!);
  }
  return all;
}

/** The log and the processes on it, which take what is new when they are let, and whose commands are carried out as they come. */
class Told {
  private readonly log = new MemoryEventLog();
  /** What is written while the next command is decided, before it is. */
  meanwhile: Fact | undefined;
  private readonly ports = {
    log: new Proxy(this.log, {
      get: (log, name) => {
        if (name !== 'append') return (log[name as keyof MemoryEventLog] as () => unknown).bind(log);
        return async (...append: Parameters<MemoryEventLog['append']>) => {
          const fact = this.meanwhile;
          this.meanwhile = undefined;
          if (fact) await this.write(fact);
          return await log.append(...append);
        };
      },
    }),
    codec: plimsollCodec(),
  };
  private written = 0;
  private readonly watches = [dutyWatch, bypassDutyWatch, identityWatch].map((process) => ({
    process: process as Process<unknown>,
    states: new Map<string, unknown>(),
    after: BEFORE_ALL,
  }));

  async write({ stream, by, event }: Fact): Promise<void> {
    const { revision } = await this.log.readStream(stream);
    const number = String(++this.written).padStart(12, '0');
    const metadata = {
      actor: 'then',
      principal: by === 'admin' ? 'idp|admin' : account(by),
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: '2026-03-02T10:00:00.000Z',
      schemaVersion: event.type === 'PolicyPublished' ? 2 : 1,
    };
    await this.log.append(stream, revision, [{ id: `00000000-0000-5000-8000-${number}`, ...event, metadata }]);
  }

  /** Each process takes at most so many events. @returns whether anything was taken */
  async take(most: number, only?: number): Promise<boolean> {
    let any = false;
    for (const [nth, watch] of this.watches.entries()) {
      if (only !== undefined && nth !== only) continue;
      for (const event of await this.log.readAll({ after: watch.after, maxCount: most })) {
        any = true;
        watch.after = event.position;
        for (const instance of watch.process.instancesOf(event)) await this.input(watch, instance, event);
      }
    }
    return any;
  }

  private async input({ process, states }: Told['watches'][number], instance: string, event: StoredEvent): Promise<void> {
    const state = process.evolve(states.get(instance) ?? process.initial, event);
    states.set(instance, state);
    for (const effect of process.react(state, event, { instance, now: '2026-03-02T10:00:00.000Z' })) {
      if (effect.kind !== 'send') throw new Error(effect.kind);
      const number = String(++this.written).padStart(12, '0');
      await transact(
        this.ports,
        reviewDutiesCommand,
        issued(ReviewDuties, effect.payload as ReviewDuties, effect.target, {
          person: `process:${process.name}`,
          commandId: `00000000-0000-4000-9000-${number}`,
        }),
      );
    }
  }

  async found(): Promise<readonly Extract<PlimsollEvent, { type: 'DutyViolationFound' }>[]> {
    const all = await this.log.readAll({ after: BEFORE_ALL, maxCount: 10_000 });
    return all.flatMap((event) => (event.type === 'DutyViolationFound' ? [event as never] : []));
  }
}

/** Whose parts are whose: parts that nobody is named for stay persons of their own. */
const whoIsWho = fc.array(fc.record({ part: fc.constantFrom<Part>(...PARTS), person: fc.constantFrom('p', 'q') }), {
  minLength: 2,
  maxLength: 7,
});
const order = fc.record({
  numbers: fc.array(fc.nat(999), { minLength: 20, maxLength: 40 }),
  lags: fc.array(fc.nat(6), { minLength: 5, maxLength: 20 }),
});

async function tell(knowledge: readonly Fact[], { numbers, lags }: typeof order extends fc.Arbitrary<infer T> ? T : never): Promise<Told> {
  const facts = [...mixed(DONE, numbers), ...mixed(ENDING, numbers)];
  // Each piece is learned anywhere in the story, and one of three after its end.
  for (const [n, fact] of knowledge.entries()) {
    const number = numbers[n % numbers.length] ?? 0;
    facts.splice(number % 3 === 0 ? facts.length : number % (facts.length + 1), 0, fact);
  }
  const telling = new Told();
  for (const fact of BEGINNING) await telling.write(fact);
  for (let n = 0; facts.length > 0; n++) {
    await telling.write(facts.shift()!);
    // One of the processes goes on a little, or none does, or all catch up; and what is learned next may be so while a command is decided.
    const lag = lags[n % lags.length] ?? 0;
    telling.meanwhile = facts[0]?.by === 'admin' && lag % 2 === 0 ? facts.shift() : undefined;
    if (lag < 3) await telling.take(3, lag);
    if (lag > 3) while (await telling.take(100));
    if (telling.meanwhile) await telling.write(telling.meanwhile);
    telling.meanwhile = undefined;
  }
  while (await telling.take(100));
  return telling;
}

describe('who is who, learned in any order', () => {
  it('opens the same violations of every duty, each once, through the processes', async () => {
    const rules = new Set<string>();
    await fc.assert(
      fc.asyncProperty(whoIsWho, order, order, async (known, ...orders) => {
        const whose = new Map(known.map(({ part, person }) => [part, person]));
        const knowledge = [...[...whose].map(([part, person]) => learned(part, person)), NAMED];
        for (const one of orders) {
          const found = (await (await tell(knowledge, one)).found()).map(({ data }) => `${data.rule}/${data.person}`);
          expect([...found].sort()).toEqual(expected(whose));
          for (const violation of found) rules.add(violation.split('/')[0] ?? '');
        }
      }),
      { numRuns: 70 },
    );
    // Histories in which hardly any rule is broken would show nothing.
    expect(rules.size).toBeGreaterThan(12);
  });

  it('breaks every rule there is where all parts are one person’s, whether that is known before or after', async () => {
    const all = new Map(PARTS.map((part) => [part, 'p']));
    const knowledge = [...PARTS.map((part) => learned(part, 'p')), NAMED];
    for (const numbers of [[0], [998], [3, 14, 159, 26, 535, 89]]) {
      const found = await (await tell(knowledge, { numbers, lags: [0, 1, 4, 2, 5] })).found();
      expect(found.map(({ data }) => `${data.rule}/${data.person}`).sort()).toEqual(expected(all));
      expect(expected(all)).toHaveLength(20);
    }
  });

  it('is known by the last piece, and cites where it was learned', async () => {
    const about = (part: Part) => learned(part, 'p');
    const telling = new Told();
    for (const fact of [...BEGINNING, ...DONE.flat(), ...ENDING.flat(), about('one')]) await telling.write(fact);
    while (await telling.take(100));
    expect(await telling.found()).toEqual([]);
    await telling.write(about('author'));
    while (await telling.take(100));
    const [violation, ...others] = await telling.found();
    expect(others).toEqual([]);
    expect(violation?.data).toMatchObject({
      rule: 'approver-is-not-author',
      person: 'p',
      learnedFrom: streamName('account', accountId(ISSUER, 'author')),
    });
    expect(defaultPersonId(ISSUER, 'author')).not.toBe('p');
  });

  it('is found also where it is learned while the first look at the change is being decided on', async () => {
    const telling = new Told();
    for (const fact of [...BEGINNING, ...DONE.flat(), ...ENDING.flat(), learned('author', 'p')]) await telling.write(fact);
    telling.meanwhile = learned('one', 'p');
    // The look is at what was there before, and whom it was of is written down after who that is.
    await telling.take(1, 0);
    while (telling.meanwhile) await telling.take(1, 0);
    while (await telling.take(100, 2));
    expect((await telling.found()).map(({ data }) => `${data.rule}/${data.person}`)).toEqual(['approver-is-not-author/p']);
  });
});
