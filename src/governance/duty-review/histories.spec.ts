import fc from 'fast-check';
import { accountId, approvalId, artifactId, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { load, type ReadAggregate } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { issued } from '#libs/event-sourcing/testing';
import { addressKeys, defaultPersonId, type Scope, type ScopedResource } from '#libs/identity';
import { evaluateGates, readGateFacts, tupleHashOf, tupleOf } from '#libs/policy';
import { decideAccess, holdings, standingOf } from '../authorisation/access.ts';
import { dutyReview, reviewDuties, ReviewDuties, reviewDutiesCommand } from './review-duties.ts';

/**
 * Random histories of who is who, who may what and who did what, told to the program as events and to an oracle as plain facts. The oracle
 * knows no streams, folds or addresses' keys: it goes through the list of what happened, every time.
 */
const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
const ENVIRONMENT = 'production';
const ISSUER = 'idp';
const DIGEST = `sha256:${'a'.repeat(64)}`;
/** Accounts; two of them are spellings of addresses that somebody may claim. */
const ACCOUNTS = ['ann', 'bob', 'cleo', 'dan', 'x@bank.example', 'X+git@bank.example', 'y@bank.example'] as const;
const ADDRESSES = ['x@bank.example', 'y@bank.example'] as const;
const PERSONS = ['p', 'q', 'r'] as const;
const SCOPES: readonly Scope[] = [
  { kind: 'organisation', id: '*' },
  { kind: 'environment', id: ENVIRONMENT },
  { kind: 'environment', id: 'staging' },
  { kind: 'team', id: 'payments' },
];
const TABLE = { StartDeployment: ['deployer'], GrantApproval: ['approver'] };
const START = Date.UTC(2026, 2, 2);
const MINUTE = 60_000;
const iso = (ms: number): string => new Date(ms).toISOString();

type Account = (typeof ACCOUNTS)[number];
const account = fc.constantFrom(...ACCOUNTS);
const person = fc.constantFrom(...PERSONS);
const span = fc.record({ begin: fc.integer({ min: 0, max: 20 }), minutes: fc.integer({ min: 1, max: 30 }) });
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('link' as const), account, person }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('claim' as const), address: fc.constantFrom(...ADDRESSES), person }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('author' as const), account }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('report' as const), account, suite: fc.constantFrom('unit', 'e2e') }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('publish' as const), account }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('request' as const), account }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('approve' as const), account }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('withdraw' as const), account }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('join' as const), person, account }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('expel' as const), person, account }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('deploy' as const), account }) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.shuffledSubarray([...ACCOUNTS], { minLength: 4, maxLength: 4 }), fc.boolean())
      .map(([accounts, together]) => ({ what: 'round' as const, accounts, together })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('lapse' as const),
      accounts: fc.shuffledSubarray([...ACCOUNTS], { minLength: 4, maxLength: 4 }),
      person,
      how: fc.constantFrom('stays', 'role', 'group', 'group-and-back', 'leaves-and-back'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('grant' as const),
      person,
      role: fc.constantFrom('deployer', 'approver'),
      scope: fc.constantFrom(...SCOPES),
      span,
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('revoke' as const), nth: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('leave' as const), person }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('register' as const), person }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** Testers are those whose reports counted then. */
interface Vote {
  readonly account: string;
  readonly person: string;
  readonly at: number;
  readonly testers: readonly string[];
}

/** What the oracle is told. */
interface Facts {
  readonly links: { account: string; person: string }[];
  readonly claims: { address: string; person: string }[];
  readonly authors: string[];
  readonly reports: { account: string; suite: string }[];
  /** Accounts that published the versions of the policy, in order. */
  readonly editors: string[];
  readonly rounds: {
    requester: string;
    version: number;
    votes: Vote[];
    starts: { deployer: string; votes: readonly Vote[]; testers: readonly string[] }[];
  }[];
  /** Those who were taken in, and those who were taken out of it and were in it. */
  readonly members: { person: string; member: boolean; at: number }[];
  readonly deployers: string[];
  readonly roles: {
    grantId: string;
    person: string;
    role: string;
    scope: Scope;
    from: number;
    until: number;
    at: number;
    revoked?: number;
  }[];
  readonly presence: { person: string; here: boolean; at: number }[];
  readonly found: string[];
}

class Oracle {
  readonly facts: Facts = {
    links: [],
    claims: [],
    authors: ['ann'],
    reports: [],
    editors: ['dan'],
    rounds: [],
    members: [],
    deployers: [],
    roles: [],
    presence: [],
    found: [],
  };

  /** The person an account is known to be now: as linked last, else whose address it is, else one of its own. */
  whose(of: string): string {
    const linked = this.facts.links.findLast((link) => link.account === of)?.person;
    const address = of.toLowerCase().replace(/\+.*@/, '@');
    return linked ?? this.facts.claims.findLast((claim) => claim.address === address)?.person ?? defaultPersonId(ISSUER, of);
  }

  testers(): string[] {
    const newest = new Map(this.facts.reports.map((report) => [report.suite, report.account]));
    return [...newest.values()];
  }

  /** Duties that one person holds together with approving, as `rule/person`; by round, of whoever deployed. */
  violations(
    round: Pick<Facts['rounds'][number], 'requester' | 'votes'> | undefined,
    editor: string | undefined,
    deployers: readonly string[],
    testers = this.testers(),
  ): string[] {
    const { authors } = this.facts;
    const others = {
      author: authors,
      requester: round ? [round.requester] : [],
      tester: testers,
      'policy-editor': editor === undefined ? [] : [editor],
      deployer: deployers,
    };
    const approvers = (round?.votes ?? []).map((vote) => this.whose(vote.account));
    const guilty = Object.entries(others).flatMap(([duty, accounts]) =>
      accounts
        .map((of) => this.whose(of))
        .filter((who) => approvers.includes(who))
        .map((who) => `approver-is-not-${duty}/${who}`),
    );
    return [...new Set(guilty)].sort();
  }

  /** What was found by looking at every round again, and was not known. */
  learned(): string[] {
    const all = this.facts.rounds.flatMap((round) => {
      // A vote that was taken back after something was started on it is one.
      const votes = [...round.votes, ...round.starts.flatMap((start) => start.votes)];
      const testers = [...votes, ...round.starts].flatMap((decided) => decided.testers);
      const deployers = round.starts.map(({ deployer }) => deployer);
      return this.violations({ ...round, votes }, this.facts.editors[round.version - 1], deployers, testers);
    });
    return [...new Set(all)].filter((found) => !this.facts.found.includes(found)).sort();
  }

  /** Two persons, and one of them of the group. */
  approval(): 'pass' | 'stale' | 'inconclusive' {
    const round = this.facts.rounds.at(-1);
    if (!round) return 'inconclusive';
    if (round.version !== this.facts.editors.length) return 'stale';
    const left = (who: string, since: number): boolean => this.facts.presence.some((p) => p.person === who && !p.here && p.at >= since);
    const gone = (who: string): boolean => this.facts.presence.findLast((p) => p.person === who)?.here === false;
    const counting = round.votes.filter(
      ({ account: by, person: then, at }) =>
        [then, this.whose(by)].every((who) => !gone(who) && !left(who, at)) && !this.revokedSince(then, at),
    );
    const approvers = [...new Set(counting.map((vote) => this.whose(vote.account)))];
    const isMember = (who: string): boolean => {
      if (!this.isMember(who)) return false;
      const leftLast = this.facts.presence.findLast((p) => p.person === who && !p.here)?.at ?? -Infinity;
      const joinedLast = this.facts.members.findLast((m) => m.person === who && m.member)?.at ?? -Infinity;
      const votes = counting.filter((vote) => this.whose(vote.account) === who);
      return joinedLast > leftLast && votes.some(({ person: then, at }) => !this.wasOut(then, at) && !this.wasOut(who, at));
    };
    return approvers.length >= 2 && approvers.some(isMember) ? 'pass' : 'inconclusive';
  }

  isMember(who: string): boolean {
    return this.facts.members.findLast((m) => m.person === who)?.member ?? false;
  }

  private wasOut(who: string, since: number): boolean {
    return this.facts.members.some((m) => m.person === who && !m.member && m.at >= since);
  }

  /** Whether all roles are gone by which somebody could approve here then, where there was one. */
  private revokedSince(who: string, then: number): boolean {
    const held = this.facts.roles.filter(
      (r) =>
        r.person === who &&
        r.role === 'approver' &&
        r.from <= then &&
        then < r.until &&
        !(r.revoked !== undefined && r.revoked < then) &&
        (r.scope.kind === 'organisation' || r.scope.id === ENVIRONMENT),
    );
    return held.length > 0 && held.every((r) => r.revoked !== undefined);
  }

  /** Who could do something at an instant, as was on record at that instant. */
  could(role: string, resource: ScopedResource, at: number): string[] {
    return PERSONS.filter((who) => {
      if (this.facts.presence.findLast((p) => p.person === who && p.at <= at)?.here === false) return false;
      return this.facts.roles.some(
        (r) =>
          r.person === who &&
          r.role === role &&
          r.at <= at &&
          !(r.revoked !== undefined && r.revoked <= at) &&
          r.from <= at &&
          at < r.until &&
          (r.scope.kind === 'organisation' || resource[r.scope.kind] === r.scope.id),
      );
    });
  }
}

/** Tells a history to both, and has them compared wherever something is decided. */
class Telling {
  readonly oracle = new Oracle();
  readonly log = new MemoryEventLog();
  readonly read: ReadAggregate = (aggregate, id) => load(this.log, plimsollCodec(), aggregate, id);
  private minute = 0;
  private readonly id = approvalId(RELEASE, ENVIRONMENT);
  private readonly artifact = artifactId('shop', '1.0.0');

  get now(): number {
    return START + this.minute * MINUTE;
  }

  async write(stream: string, by: string, event: PlimsollEvent): Promise<void> {
    const { revision } = await this.log.readStream(stream);
    const number = String(++this.minute).padStart(12, '0');
    const metadata = {
      actor: this.oracle.whose(by),
      principal: `${ISSUER}|${by}`,
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: iso(this.now),
      schemaVersion: event.type === 'PolicyPublished' ? 2 : 1,
    };
    await this.log.append(stream, revision, [{ id: `00000000-0000-5000-8000-${number}`, ...event, metadata }]);
  }

  async begin(): Promise<void> {
    await this.publish('dan', 1);
    const environment = { environment: ENVIRONMENT, class: 'production', policyId: 'bank' } as const;
    await this.write(`environment-${ENVIRONMENT}`, 'dan', { type: 'EnvironmentDefined', data: environment });
    const shop = { artifactId: this.artifact, name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0' };
    await this.write(`artifact-${this.artifact}`, 'ann', {
      type: 'ArtifactRegistered',
      data: { ...shop, digest: { algorithm: 'sha256', value: 'a'.repeat(64) }, authors: [`${ISSUER}|ann`] },
    });
    await this.write(`release-${RELEASE}`, 'ann', {
      type: 'ReleaseComposed',
      data: { releaseId: RELEASE, product: 'shop', artifacts: [{ ...shop, digest: DIGEST }], authors: [`${ISSUER}|ann`] },
    });
    await this.write(`release-${RELEASE}`, 'ann', {
      type: 'ReleasePlanned',
      data: { releaseId: RELEASE, environment: ENVIRONMENT, steps: [], stages: [], planHash: 'b'.repeat(64) },
    });
  }

  private async publish(by: string, version: number): Promise<void> {
    await this.write('policy-bank', by, {
      type: 'PolicyPublished',
      data: {
        policyId: 'bank',
        version,
        title: 'Bank',
        gates: [{ gate: 'approved', quorum: 2, groups: [{ group: 'risk', quorum: 1 }] }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
        clauses: [],
        effectiveFrom: iso(this.now + MINUTE),
      },
    });
  }

  async happens(event: Happening): Promise<void> {
    const { facts } = this.oracle;
    switch (event.what) {
      case 'link': {
        const { account: subject, person: to } = event;
        await this.write(`account-${accountId(ISSUER, subject)}`, 'admin', {
          type: 'AccountLinked',
          data: { issuer: ISSUER, subject, person: to },
        });
        facts.links.push({ account: subject, person: to });
        return await this.looksAgain();
      }
      case 'claim': {
        const { skeletonId, addressId, kind } = addressKeys(event.address);
        const data = { skeletonId, addressId, kind, person: event.person, looksLike: [] };
        await this.write(`address-${skeletonId}`, 'admin', { type: 'AddressClaimed', data });
        facts.claims.push(event);
        return await this.looksAgain();
      }
      case 'author':
        await this.write(`artifact-${this.artifact}`, 'ann', {
          type: 'ArtifactAuthorsAdded',
          data: { artifactId: this.artifact, authors: [`${ISSUER}|${event.account}`] },
        });
        facts.authors.push(event.account);
        return;
      case 'report': {
        const figures = { tests: 1, failures: 0, errors: 0, skipped: 0, failed: [] };
        const about = { releaseId: RELEASE, artifactDigest: DIGEST, suite: event.suite, format: 'junit', outcome: 'pass' } as const;
        await this.write(`testreport-${RELEASE}`, event.account, {
          type: 'TestReportRecorded',
          data: { ...about, ...figures, reportDigest: 'c'.repeat(64), tester: this.oracle.whose(event.account) },
        });
        facts.reports.push(event);
        return;
      }
      case 'publish':
        await this.publish(event.account, facts.editors.length + 1);
        facts.editors.push(event.account);
        return;
      case 'request': {
        const tuple = tupleOf(await this.facts(), iso(START + 1e10));
        const requester = this.oracle.whose(event.account);
        const data = { ...this.round(facts.rounds.length + 1), tuple, tupleHash: tupleHashOf(tuple), quorum: 2, requester };
        await this.write(`approval-${this.id}`, event.account, { type: 'ApprovalRequested', data });
        facts.rounds.push({ requester: event.account, version: facts.editors.length, votes: [], starts: [] });
        return;
      }
      case 'approve': {
        const round = facts.rounds.at(-1);
        const by = this.oracle.whose(event.account);
        // One person, one vote, as the command sees to.
        if (!round || round.votes.some((vote) => vote.person === by)) return;
        const data = { ...this.round(facts.rounds.length), person: by, tupleHash: 'x' };
        await this.write(`approval-${this.id}`, event.account, { type: 'ApprovalGranted', data });
        round.votes.push({ account: event.account, person: by, at: this.now, testers: this.oracle.testers() });
        return;
      }
      case 'withdraw': {
        const round = facts.rounds.at(-1);
        const by = this.oracle.whose(event.account);
        if (!round) return;
        const data = { ...this.round(facts.rounds.length), person: by, reason: 'x' };
        await this.write(`approval-${this.id}`, event.account, { type: 'ApprovalWithdrawn', data });
        round.votes.splice(0, Infinity, ...round.votes.filter((vote) => vote.person !== by));
        return;
      }
      case 'join':
      case 'expel': {
        // The group knows persons; some of them are those whom an account is taken for.
        const who = event.account === 'ann' ? event.person : this.oracle.whose(event.account);
        return await this.joins(who, event.what === 'join');
      }
      case 'deploy':
        return await this.deploys(event.account);
      case 'round': {
        // As it should go: one requests, two of the group approve, another deploys; unless they turn out to be fewer.
        const [requester = '', one = '', two = '', deployer = ''] = event.accounts as readonly string[];
        if (event.together) await this.joins(this.oracle.whose(one), true);
        await this.happens({ what: 'request', account: requester as Account });
        for (const by of [one, two]) await this.happens({ what: 'approve', account: by as Account });
        return await this.deploys(deployer);
      }
      case 'lapse': {
        // Somebody approves in a role and as a member, and loses one of them, or has lost it before.
        const [requester, one, two, deployer] = event.accounts as [Account, Account, Account, Account];
        const { person: who, how } = event;
        await this.happens({ what: 'link', account: one, person: who });
        await this.joins(who, true);
        if (how === 'leaves-and-back') for (const what of ['leave', 'register'] as const) await this.happens({ what, person: who });
        const scope = SCOPES[0]!;
        await this.happens({ what: 'grant', person: who, role: 'approver', scope, span: { begin: 0, minutes: 30 } });
        const granted = facts.roles.length - 1;
        await this.happens({ what: 'request', account: requester });
        for (const by of [one, two]) await this.happens({ what: 'approve', account: by });
        if (how === 'role') await this.happens({ what: 'revoke', nth: granted });
        if (how === 'group' || how === 'group-and-back') await this.joins(who, false);
        if (how === 'group-and-back') await this.joins(who, true);
        return await this.deploys(deployer);
      }
      case 'grant': {
        const { person: to, role, scope, span: length } = event;
        const grantId = `grant-${facts.roles.length}`;
        const from = this.now + MINUTE + length.begin * MINUTE;
        const until = from + length.minutes * MINUTE;
        const data = { grantId, person: to, role, scope, from: iso(from), until: iso(until), requestedBy: 'ida', confirmedBy: 'ian' };
        await this.write(`rolegrants-${to}`, 'admin', { type: 'RoleGranted', data });
        facts.roles.push({ grantId, person: to, role, scope, from, until, at: this.now });
        return;
      }
      case 'revoke': {
        const role = facts.roles[event.nth];
        if (!role || role.revoked !== undefined) return;
        const data = { grantId: role.grantId, person: role.person, role: role.role, reason: 'x' };
        await this.write(`rolegrants-${role.person}`, 'admin', { type: 'RoleRevoked', data });
        role.revoked = this.now;
        return;
      }
      case 'leave':
      case 'register': {
        const { person: who } = event;
        const here = event.what === 'register';
        await this.write(
          `person-${who}`,
          'admin',
          here
            ? { type: 'PersonRegistered', data: { person: who, registeredBy: 'ida' } }
            : { type: 'PersonLeft', data: { person: who, reason: 'x' } },
        );
        facts.presence.push({ person: who, here, at: this.now });
        return;
      }
    }
  }

  private async joins(who: string, member: boolean): Promise<void> {
    const data = { group: 'risk', person: who };
    await this.write(
      'group-risk',
      'admin',
      member ? { type: 'GroupMemberAdded', data } : { type: 'GroupMemberRemoved', data: { ...data, reason: 'x' } },
    );
    if (member || this.oracle.isMember(who)) this.oracle.facts.members.push({ person: who, member, at: this.now });
  }

  private round(round: number) {
    return { approvalId: this.id, releaseId: RELEASE, environment: ENVIRONMENT, round };
  }

  private facts() {
    return readGateFacts(this.read, RELEASE, ENVIRONMENT, iso(this.now));
  }

  /** A decision of this moment: on persons as they are known now. */
  private async deploys(by: string): Promise<void> {
    const { facts } = this.oracle;
    const deployer = this.oracle.whose(by);
    const receipt = evaluateGates(await this.facts(), { deployer, now: iso(this.now) });
    const [approved, separated] = receipt.gates;
    const violations = this.oracle.violations(facts.rounds.at(-1), facts.editors.at(-1), [by]);
    expect(approved?.verdict).toBe(this.oracle.approval());
    expect(separated?.verdict).toBe(violations.length > 0 ? 'fail' : 'pass');
    for (const violation of violations) expect(separated?.detail).toContain(violation.split('/')[1]);
    if (receipt.verdict === 'fail') return;
    const data = { deploymentId: `d${facts.deployers.length}`, releaseId: RELEASE, environment: ENVIRONMENT, deployer };
    await this.write(`deployment-d${facts.deployers.length}`, by, { type: 'DeploymentStarted', data: data as never });
    facts.deployers.push(by);
    const round = facts.rounds.at(-1);
    round?.starts.push({ deployer: by, votes: [...round.votes], testers: this.oracle.testers() });
  }

  /** What a link or a claim shows is put on record: exactly that, and once. */
  private async looksAgain(): Promise<void> {
    const { facts } = this.oracle;
    const deployments = facts.deployers.map((_, n) => `d${n}`);
    const command = issued(ReviewDuties, { releaseId: RELEASE, environment: ENVIRONMENT, deployments, learnedFrom: 'account-1' });
    const state = { ...dutyReview.initial, found: facts.found };
    const rounds = await reviewDutiesCommand.facts!(this.read, command, state);
    const decision = reviewDuties(command, state, rounds);
    if ('refused' in decision) throw new Error('refused');
    const found = decision.flatMap(({ type, data }) => (type === 'DutyViolationFound' ? [`${data.rule}/${data.person}`] : [])).sort();
    expect(found).toEqual(this.oracle.learned());
    facts.found.push(...found);
  }

  async couldDo(action: keyof typeof TABLE, resource: ScopedResource, at: number): Promise<string[]> {
    const asOf: ReadAggregate = (aggregate, id) => load(this.log, plimsollCodec(), aggregate, id, iso(at));
    const answers = await Promise.all(
      PERSONS.map(async (who) => {
        const standing = await standingOf(asOf, who);
        const asked = { person: who, held: holdings(standing, who), bot: false, action, resource, at: iso(at) };
        return decideAccess(standing, TABLE, asked).allowed ? [who] : [];
      }),
    );
    return answers.flat();
  }
}

describe('random histories of accounts, roles, groups, leavers, approvals and deployments', () => {
  const history = fc.array(happening, { minLength: 5, maxLength: 45 });

  it('decide on duties as persons are known at that moment, and find later exactly what came to be known', async () => {
    let decisions = 0;
    let learned = 0;
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        const telling = new Telling();
        await telling.begin();
        for (const event of events) await telling.happens(event);
        decisions += telling.oracle.facts.deployers.length;
        learned += telling.oracle.facts.found.length;
      }),
      { numRuns: 150 },
    );
    // Histories in which nothing is deployed and nothing learned would show nothing.
    expect(decisions).toBeGreaterThan(10);
    expect(learned).toBeGreaterThan(50);
  });

  it('say who could do what at every instant at which something began or ended, and a millisecond before and after', async () => {
    let could = 0;
    const resource = fc.constantFrom<ScopedResource>(
      { environment: ENVIRONMENT },
      { environment: 'staging', team: 'payments' },
      { team: 'payments' },
      {},
    );
    await fc.assert(
      fc.asyncProperty(
        history,
        resource,
        fc.array(fc.integer({ min: 0, max: 100 * MINUTE }), { maxLength: 5 }),
        async (events, about, some) => {
          const telling = new Telling();
          await telling.begin();
          for (const event of events) if (['grant', 'revoke', 'leave', 'register'].includes(event.what)) await telling.happens(event);
          const { roles, presence } = telling.oracle.facts;
          const edges = [...roles.flatMap((r) => [r.at, r.from, r.until, r.revoked ?? r.at]), ...presence.map((p) => p.at)];
          for (const at of [...edges.flatMap((edge) => [edge - 1, edge, edge + 1]), ...some.map((ms) => START + ms)]) {
            for (const [action, [role]] of Object.entries(TABLE) as [keyof typeof TABLE, string[]][]) {
              const expected = telling.oracle.could(role ?? '', about, at);
              expect({ at: iso(at), action, could: await telling.couldDo(action, about, at) }).toEqual({
                at: iso(at),
                action,
                could: expected,
              });
              could += expected.length;
            }
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(could).toBeGreaterThan(100);
  });
});
